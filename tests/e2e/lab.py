"""A real JupyterLab in a real browser, and the few gestures that the tests need."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--disable-sync",
    "--force-color-profile=srgb",
]

# one page with all cells in it, and no news from the network
_OVERRIDES = {
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
    },
}


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """`jupyter lab` on ``root``, with settings and runtime files in ``home``."""

    def __init__(self, root: Path, home: Path) -> None:
        self.port = free_port()
        settings = home / "settings"
        settings.mkdir(parents=True)
        (settings / "overrides.json").write_text(json.dumps(_OVERRIDES))
        env = os.environ | {
            "JUPYTER_CONFIG_DIR": str(home / "config"),
            "JUPYTER_DATA_DIR": str(home / "data"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "IPYTHONDIR": str(home / "ipython"),
            "JUPYTERLAB_SETTINGS_DIR": str(home / "user-settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        }
        self.log = (home / "server.log").open("wb")
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
                f"--ServerApp.root_dir={root}",
                f"--ServerApp.port={self.port}",
                "--ServerApp.port_retries=0",
                "--ServerApp.ip=127.0.0.1",
                "--ServerApp.kernel_websocket_connection_class="
                "dlcore.explore.connection.PromptConnection",
                "--IdentityProvider.token=",
                "--LabApp.expose_app_in_browser=True",
                f"--LabApp.app_settings_dir={settings}",
            ],
            env=env,
            cwd=root,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.url = f"http://127.0.0.1:{self.port}"
        self._wait()

    def _wait(self) -> None:
        for _ in range(600):
            try:
                urllib.request.urlopen(self.url + "/api/status", timeout=2)
                return
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.1)
        raise RuntimeError("JupyterLab did not start:\n" + Path(self.log.name).read_text()[-3000:])

    def stop(self) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.log.close()


class Browser:
    """Headless Chromium with one page; screenshots go to ``shots``."""

    def __init__(self, program: str, shots: Path) -> None:
        self.shots = shots
        shots.mkdir(parents=True, exist_ok=True)
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(executable_path=program, args=FLAGS)
        self.page = self._browser.new_page(viewport={"width": 1500, "height": 1000})
        self.page.set_default_timeout(60_000)

    def shoot(self, name: str) -> Path:
        path = self.shots / f"{name}.png"
        self.page.screenshot(path=path)
        return path

    def stop(self) -> None:
        self._browser.close()
        self._playwright.stop()


class Notebook:
    """One notebook, open in JupyterLab."""

    def __init__(self, server: Server, browser: Browser, path: str) -> None:
        self.page: Page = browser.page
        self.browser = browser
        self.page.goto(f"{server.url}/lab/tree/{path}?reset")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell")
        self.wait_until_idle()

    def _model(self, script: str, *args: object):
        return self.page.evaluate(
            "args => { const panel = window.jupyterapp.shell.currentWidget;"
            "const notebook = panel.content;"
            "const cells = [...notebook.model.cells];"
            f"{script} }}",
            list(args),
        )

    def wait_until_idle(self, timeout: float = 240) -> None:
        """Until the kernel has been idle, with nothing queued, and has said what was left to say."""
        calm, end = 0, time.monotonic() + timeout
        while calm < 3:
            if time.monotonic() > end:
                raise TimeoutError("the kernel is still busy")
            status = self._model(
                "const kernel = panel.sessionContext.session?.kernel;"
                "const waiting = document.querySelectorAll('.jp-InputPrompt').length &&"
                "[...document.querySelectorAll('.jp-InputPrompt')].some(p => p.textContent.includes('*'));"
                "return [kernel?.status ?? 'none', waiting]"
            )
            calm = calm + 1 if status == ["idle", False] else 0
            self.page.wait_for_timeout(150)
        # an explorer draws when its kernel is idle: an answer comes after what that has changed
        self._model(
            "const answer = panel.sessionContext.session?.kernel?.requestKernelInfo();"
            "return Promise.race([answer, new Promise(late => setTimeout(late, 60000))]).then(() => null)"
        )

    def menu(self, name: str, item: str) -> None:
        self.page.locator(".lm-MenuBar-item", has_text=re.compile(f"^{name}$")).click()
        self.page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{item}$")).click()

    def run_all(self) -> None:
        self.menu("Run", "Run All Cells")
        self.page.wait_for_timeout(500)
        self.wait_until_idle()

    def run_to(self, begin: str) -> None:
        """Run the cells down to the first whose source begins so."""
        self._model(
            "notebook.activeCellIndex = cells.findIndex(c => c.sharedModel.source.startsWith(args[0])) + 1;"
            "return window.jupyterapp.commands.execute('notebook:run-all-above')",
            begin,
        )
        self.page.wait_for_timeout(500)
        self.wait_until_idle()

    def active(self) -> int:
        """The number of the cell that is selected."""
        return self._model("return notebook.activeCellIndex")

    def save(self) -> None:
        self._model("return panel.context.save()")

    def index(self, cell_id: str) -> int:
        found = self._model("return cells.findIndex(c => c.id === args[0])", cell_id)
        assert found >= 0, f"no cell {cell_id}"
        return found

    def outputs(self, cell_id: str) -> list[dict]:
        return self._model(
            "const c = cells.find(c => c.id === args[0]);"
            "return c.type === 'code' ? c.outputs.toJSON() : []",
            cell_id,
        )

    def errors(self) -> list[tuple[str, str]]:
        return self._model(
            "const found = [];"
            "for (const c of cells) if (c.type === 'code') for (const o of c.outputs.toJSON())"
            "if (o.output_type === 'error' || o.name === 'stderr')"
            "found.push([c.id, o.evalue ?? o.text]);"
            "return found"
        )

    def cell(self, cell_id: str):
        """The cell on the page, scrolled into view."""
        place = self.page.locator(".jp-Notebook .jp-Cell").nth(self.index(cell_id))
        place.scroll_into_view_if_needed()
        return place

    def type_into(self, cell_id: str, source: str) -> None:
        """Replace what stands in a cell, and run it with Shift+Enter."""
        self.cell(cell_id).locator(".cm-content").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(source)
        self.page.keyboard.press("Shift+Enter")
        self.wait_until_idle()

    def run_cell(self, cell_id: str) -> str:
        """Run one cell from the keyboard; the text that it shows."""
        self.cell(cell_id).locator(".jp-InputPrompt").first.click()
        self.page.keyboard.press("Shift+Enter")
        self.page.wait_for_timeout(300)
        self.wait_until_idle()
        return self.cell(cell_id).locator(".jp-Cell-outputWrapper").inner_text()


def copy_course(source: Path, target: Path) -> Path:
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    return target
