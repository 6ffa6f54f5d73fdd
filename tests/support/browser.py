"""A real browser without a window, driven over its DevTools protocol: pages of visitors that share nothing.

Chromium, as it is installed; what is done with the pages is the tests' business.
"""

import asyncio
import itertools
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.support.leash import leashed
from tests.support.waiting import PATIENCE

PROGRAMS = ("chromium", "chromium-headless-shell", "google-chrome", "chromium-browser")
_OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
    "--disable-background-networking", "--disable-component-update", "--remote-debugging-port=0", "--mute-audio",
)  # fmt: skip


class Page:
    """One visitor's tab, with cookies and storage of its own."""

    def __init__(self, browser: "Browser", session: str) -> None:
        self._browser = browser
        self._session = session
        self.dialogs: list[str] = []
        self.problems: list[str] = []

    async def send(self, method: str, **parameters: Any) -> Any:
        """A command of the protocol."""
        return await self._browser.send(method, parameters, self._session)

    async def goto(self, url: str) -> None:
        """Go to an address; returns when it begins to load."""
        await self.send("Page.navigate", url=url)

    async def run(self, expression: str) -> Any:
        """The value of an expression (awaited if it is a promise), as plain data."""
        answer = await self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"])
        return answer["result"].get("value")

    async def until(self, expression: str, within: float = PATIENCE) -> Any:
        """Wait for an expression to be true; pages may come and go meanwhile."""
        try:
            async with asyncio.timeout(within):
                while True:
                    with suppress(AssertionError, BrowserError):
                        if value := await self.run(expression):
                            return value
                    await asyncio.sleep(0.02)
        except TimeoutError:
            shown = await self.run("location.href + ' ' + document.body.innerText")
            raise AssertionError(f"never: {expression}\nthe page shows: {shown}\n{self.problems}") from None

    async def click(self, selector: str) -> None:
        """Press something as a person does: where it is, with the mouse."""
        box = await self.run(
            f"(() => {{ const box = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
            " return {x: box.x + box.width / 2, y: box.y + box.height / 2} })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.send("Input.dispatchMouseEvent", type=kind, **box, button="left", clickCount=1)

    async def heard(self, event: str, parameters: Any) -> None:
        """What the browser says by itself."""
        if event == "Page.javascriptDialogOpening":
            self.dialogs.append(parameters["message"])
            await self.send("Page.handleJavaScriptDialog", accept=True)
        elif event == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.problems.append(details.get("exception", {}).get("description", details["text"]))
        elif event == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.problems.append(f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}")


class BrowserError(Exception):
    """The browser refuses a command."""


class Browser:
    """A running browser."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._pages: dict[str, Page] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def new_page(self, languages: str = "en") -> Page:
        """A tab of a visitor nobody knows."""
        context = (await self.send("Target.createBrowserContext", {}))["browserContextId"]
        opened = await self.send("Target.createTarget", {"url": "about:blank", "browserContextId": context})
        attached = await self.send("Target.attachToTarget", {"targetId": opened["targetId"], "flatten": True})
        page = self._pages[attached["sessionId"]] = Page(self, attached["sessionId"])
        for domain in ("Page", "Runtime", "Log", "Network"):
            await page.send(f"{domain}.enable")
        await page.send("Network.setExtraHTTPHeaders", headers={"Accept-Language": languages})
        return page

    async def send(self, method: str, parameters: Any, session: str | None = None) -> Any:
        """A command, and what is answered."""
        number = next(self._numbers)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": parameters}
        await self._socket.send(json.dumps(message | ({"sessionId": session} if session else {})))
        async with asyncio.timeout(PATIENCE):
            return await answer

    async def read(self) -> None:
        """Everything the browser says, until it is gone."""
        while True:
            try:
                message = json.loads(await self._socket.recv())
            except ConnectionClosed:
                return
            if (answer := self._asked.pop(message.get("id"), None)) is not None:
                if answer.done():
                    continue
                if "error" in message:
                    answer.set_exception(BrowserError(message["error"]))
                else:
                    answer.set_result(message["result"])
            elif (page := self._pages.get(message.get("sessionId"))) is not None:
                task = asyncio.create_task(page.heard(message["method"], message["params"]))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)


def program() -> str:
    """The browser; the test is skipped without one, and fails where one has to be there (`.ci/run`)."""
    for name in PROGRAMS:
        if (found := shutil.which(name)) is not None:
            return found
    if "chromium" in os.environ.get("VQ_TEST_PROGRAMS", "").split(","):
        pytest.fail("There is no Chromium.")
    pytest.skip("There is no Chromium: what needs a browser is not tested here.")


@asynccontextmanager
async def open_browser() -> AsyncIterator[Browser]:
    """A browser for the block; nothing of it is left."""
    home = Path(tempfile.mkdtemp(prefix="vq-browser-"))
    process = await asyncio.create_subprocess_exec(
        program(),
        *_OPTIONS,
        f"--user-data-dir={home}",
        "about:blank",
        # The system's own configuration of sound, fonts and caches is looked for at home.
        env=os.environ | {"HOME": str(home)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        preexec_fn=leashed,
    )
    try:
        port, path = await _address(home, lambda: process.returncode)
        async with connect(f"ws://127.0.0.1:{port}{path}", max_size=None, proxy=None) as socket:
            browser = Browser(socket)
            reading = asyncio.create_task(browser.read())
            yield browser
            with suppress(BrowserError, TimeoutError):
                await browser.send("Browser.close", {})
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        shutil.rmtree(home, ignore_errors=True)


async def _address(home: Path, exit_code: Callable[[], int | None]) -> tuple[int, str]:
    """Where it listens: it writes that down."""
    file = home / "DevToolsActivePort"
    async with asyncio.timeout(PATIENCE):
        while True:
            assert exit_code() is None, "the browser ended"
            with suppress(FileNotFoundError):
                if len(lines := file.read_text().splitlines()) == 2:
                    return int(lines[0]), lines[1]
            await asyncio.sleep(0.02)
