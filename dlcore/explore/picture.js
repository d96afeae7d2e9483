// A picture that is replaced as a whole, and says where on it the mouse or a finger is dragged, or points.
function render({ model, el }) {
  const image = document.createElement("img");
  image.alt = model.get("tooltip");
  image.title = image.alt;
  image.draggable = false; // the browser must not carry it away
  image.style.maxWidth = "100%";
  image.style.willChange = "transform"; // a layer of its own: what stands around it is not painted again
  image.style.touchAction = "none";
  image.style.cursor = model.get("answers") ? "crosshair" : "";

  let url = "";
  const show = () => {
    const old = url;
    url = URL.createObjectURL(new Blob([model.get("value")], { type: "image/jpeg" }));
    image.src = url;
    if (old) URL.revokeObjectURL(old);
  };
  const point = (event, what) => {
    const box = image.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width;
    const y = (event.clientY - box.top) / box.height;
    model.set(what, [Math.min(Math.max(x, 0), 1), Math.min(Math.max(y, 0), 1)]);
    model.save_changes();
  };
  if (model.get("answers")) {
    image.addEventListener("pointerdown", (event) => {
      image.setPointerCapture(event.pointerId);
      point(event, "at");
    });
    image.addEventListener("pointermove", (event) => {
      if (event.buttons & 1) point(event, "at");
    });
  }
  if (model.get("follows")) {
    image.addEventListener("pointermove", (event) => {
      if (!event.buttons) point(event, "over");
    });
  }
  model.on("change:value", show);
  show();
  el.appendChild(image);
  return () => {
    model.off("change:value", show);
    URL.revokeObjectURL(url);
  };
}

export default { render };
