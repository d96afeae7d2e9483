// A picture that is replaced as a whole, and says where on it the mouse or a finger is dragged, or points.
// A canvas, as it takes pictures that were decoded beside the page: half as many again in a second as an image shows.
function render({ model, el }) {
  const canvas = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  canvas.title = model.get("tooltip");
  canvas.setAttribute("aria-label", canvas.title);
  canvas.style.maxWidth = "100%";
  canvas.style.touchAction = "none";
  canvas.style.cursor = model.get("answers") ? "crosshair" : "";

  const context = canvas.getContext("bitmaprenderer");
  let asked = 0;
  let shown = 0;
  const show = async () => {
    const turn = ++asked;
    const bitmap = await createImageBitmap(new Blob([model.get("value")], { type: "image/jpeg" }));
    if (turn < shown) return; // a newer one was decoded sooner
    shown = turn;
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
    context.transferFromImageBitmap(bitmap);
    canvas.dataset.shown = shown;
    canvas.dispatchEvent(new Event("load"));
  };
  const point = (event, what) => {
    const box = canvas.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width;
    const y = (event.clientY - box.top) / box.height;
    model.set(what, [Math.min(Math.max(x, 0), 1), Math.min(Math.max(y, 0), 1)]);
    model.save_changes();
  };
  if (model.get("answers")) {
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      point(event, "at");
    });
    canvas.addEventListener("pointermove", (event) => {
      if (event.buttons & 1) point(event, "at");
    });
  }
  if (model.get("follows")) {
    canvas.addEventListener("pointermove", (event) => {
      if (!event.buttons) point(event, "over");
    });
  }
  // an arrow that no control takes would fold the notebook's headings, and this explorer with them
  const keep = (event) => {
    if (event.key.startsWith("Arrow")) event.stopPropagation();
  };
  new ResizeObserver((_, once) => {
    canvas.closest(".dlcourse-explorer").addEventListener("keydown", keep);
    once.disconnect();
  }).observe(canvas); // it has a size as soon as it is on the page
  const wait = () => canvas.setAttribute("aria-busy", model.get("busy"));
  model.on("change:value", show);
  model.on("change:busy", wait);
  show();
  wait();
  el.appendChild(canvas);
  return () => {
    model.off("change:value", show);
    model.off("change:busy", wait);
  };
}

export default { render };
