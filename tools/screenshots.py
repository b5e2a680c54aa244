"""Takes pictures of the dashboard, with the shipped example running and tasks going through it.

`make screenshots` writes them to `out/screenshots`. They need Chromium at `/usr/bin/chromium`, and
the packages of the `dev` extra. A mail server of its own refuses some of the mails for a while.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import random
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import ClientSession, web
from aiosmtpd.controller import Controller
from playwright.async_api import Browser, async_playwright

ROOT = Path(__file__).parents[1]
LOCATION = "projects/acme-staging/locations/europe-west1"
JSON = "application/json"
SIZES = {390: 844, 1280: 900, 1920: 1080}
PEOPLE = ("ada", "grace", "katherine", "annie", "mary", "edsger", "barbara", "lin", "margaret")


class MailServer:
    """Accepts mails slowly, and refuses some for the time being."""

    def __init__(self) -> None:
        self.chance = random.Random(7)
        self.is_busy = False

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:  # noqa: N802, ARG002
        """Take a mail after a while, or refuse it."""
        await asyncio.sleep(self.chance.uniform(1.2, 2.4))
        if self.is_busy or self.chance.random() < 0.12:
            return "451 4.3.2 the mail server is busy, try again later"
        return "250 accepted"


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def partner(request: web.Request) -> web.Response:
    """Answer as the third party whose webhook is called: it breaks down after a while."""
    await asyncio.sleep(0.08)
    request.app["calls"].append(1)
    if len(request.app["calls"]) > 120:
        return web.Response(status=503, text="upstream connect error: connection timeout")
    return web.Response(text="ok")


@asynccontextmanager
async def webhook() -> AsyncIterator[int]:
    """Run the third party; yield its port."""
    app = web.Application()
    app["calls"] = []
    app.router.add_route("*", "/{path:.*}", partner)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@asynccontextmanager
async def example(smtp_port: int, webhook_port: int) -> AsyncIterator[str]:
    """Run a copy of the example; yield the address of its dashboard."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "shop"
        project.mkdir()
        for name in ("stacks", "handlers"):
            shutil.copytree(ROOT / name, project / name)
        shutil.copy(ROOT / "Pulumi.yaml", project)
        staging = project / "stacks" / "staging.yaml"
        text = staging.read_text(encoding="utf-8").replace(
            "    env: {SMTP_HOST: smtp.staging.internal}\n",
            "    env: {SMTP_HOST: smtp.staging.internal}\n"
            f'    local: {{env: {{SMTP_HOST: 127.0.0.1, SMTP_PORT: "{smtp_port}", '
            'SMTP_TLS: "none"}}\n',
        )
        other = f"  webhook:\n    local: {{url: http://127.0.0.1:{webhook_port}}}\n"
        text = text.replace("  ledger: ", f"{other}  ledger: ", 1)
        staging.write_text(text, encoding="utf-8")
        port = free_port()
        program = await asyncio.create_subprocess_exec(
            *(
                str(Path(sys.executable).with_name("queuewright")),
                "up",
                "staging",
                "--yes",
                "--json",
            ),
            *("--grpc-port", str(free_port()), "--http-port", str(port)),
            *("--pubsub-port", str(free_port()), "--no-reload"),
            cwd=project,
            stdout=asyncio.subprocess.PIPE,
        )
        assert program.stdout is not None
        try:
            async for line in program.stdout:
                if json.loads(line)["text"].startswith("ready"):
                    break
            drain = asyncio.create_task(_drain(program.stdout))
            yield f"http://127.0.0.1:{port}"
            drain.cancel()
        finally:
            if program.returncode is None:
                program.terminate()
            await program.wait()


async def _drain(stream: asyncio.StreamReader) -> None:
    async for _ in stream:
        pass


class Life:
    """Adds tasks to all queues."""

    def __init__(self, base: str, session: ClientSession, mails: MailServer) -> None:
        self.base, self.session, self.mails = base, session, mails
        self.chance = random.Random(3)
        self.count = 1800
        self.picture = (ROOT / "handlers" / "thumbnails" / "photo.jpg").read_bytes()

    async def add(self, queue: str, body: bytes, kind: str = JSON, **more: str) -> None:
        """Add a task."""
        http = {
            "url": "https://handler.example/",
            "headers": {"Content-Type": kind},
            "body": base64.b64encode(body).decode(),
        }
        task: dict[str, object] = {"httpRequest": http}
        if queue == "books":
            task = {
                "appEngineHttpRequest": {
                    "relativeUri": "/",
                    "headers": {"Content-Type": kind},
                    "body": http["body"],
                }
            }
        if "name" in more:
            task["name"] = f"{LOCATION}/queues/{queue}/tasks/{more['name']}"
        if "at" in more:
            task["scheduleTime"] = more["at"]
        url = f"{self.base}/v2/{LOCATION}/queues/{queue}/tasks"
        async with self.session.post(url, json={"task": task}) as response:
            if response.status >= 400:
                print(queue, await response.text(), file=sys.stderr)

    async def run(self, seconds: float) -> None:
        """Add tasks for a while."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        await self.post("/v2/" + LOCATION + "/queues/books:pause")
        while (passed := loop.time() - start) < seconds:
            self.mails.is_busy = 0.45 < passed / seconds < 0.62
            await self.step(passed / seconds)
            await asyncio.sleep(0.5)

    async def go_on(self) -> None:
        """Add tasks until it is cancelled."""
        while True:
            await self.step(1.0)
            await asyncio.sleep(0.5)

    async def post(self, path: str) -> None:
        """Call a method of the API."""
        async with self.session.post(self.base + path) as response:
            assert response.status == 200, await response.text()

    async def step(self, part: float) -> None:
        """Add what half a second brings."""
        chance, person = self.chance, self.chance.choice(PEOPLE)
        self.count += 1
        number = self.count
        if chance.random() < 0.6:
            mail = {
                "to": f"{person}@example.com",
                "subject": f"Receipt for order {number}",
                "text": "Thank you for your order. It is on its way.",
            }
            if chance.random() < 0.04:
                mail = {"too": mail["to"], "subject": mail["subject"], "text": "Welcome."}
            body = json.dumps(mail).encode()
            await self.add("emails", body, name=f"order-{number}-receipt")
        if chance.random() < 0.05:
            await self.add("thumbnails", self.picture + bytes([number % 256]), "image/jpeg")
        if chance.random() < 0.5 + 0.4 * part:
            body = json.dumps({"order": number, "state": "paid"}).encode()
            await self.add("events", body)
        if chance.random() < 0.2:
            body = json.dumps({"order": number, "amount": "12.50", "currency": "EUR"}).encode()
            await self.add("books", body)
        if chance.random() < 0.1:
            day = f"2026-11-{chance.randint(1, 24):02}"
            order = {"order": number, "amount": "12.50", "currency": "EUR"}
            await self.add("reports", json.dumps({"day": day, "orders": [order]}).encode())


async def pictures(base: str, session: ClientSession, out: Path) -> None:
    """Take a picture of every page, in every size and scheme."""
    pages = {
        "overview": "/",
        "queue": "/queues/emails",
        "queue-retrying": "/queues/emails?state=retrying",
        "task": await _task(base, session),
        "identity": "/identity",
        "send": "/send?queue=emails",
        "handler": "/handlers/mailer",
    }
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        for scheme in ("light", "dark"):
            for width in SIZES:
                for name, path in pages.items():
                    file = out / f"{name}-{scheme}-{width}.png"
                    await _picture(browser, base + path, scheme, width, file)
        await browser.close()


async def _task(base: str, session: ClientSession) -> str:
    """Return the page of the task with the most attempts."""
    best, most = "/queues/emails", 0
    url = f"{base}/v2/{LOCATION}/queues/emails/tasks?pageSize=500"
    async with session.get(url) as response:
        for task in (await response.json()).get("tasks", []):
            count = int(task.get("dispatchCount", 0))
            if most < count < 8:
                best, most = f"/queues/emails/tasks/{task['name'].rpartition('/')[2]}", count
    return best


async def _picture(browser: Browser, url: str, scheme: str, width: int, file: Path) -> None:
    context = await browser.new_context(
        viewport={"width": width, "height": SIZES[width]},
        color_scheme="dark" if scheme == "dark" else "light",
        is_mobile=width < 500,
    )
    page = await context.new_page()
    page.on("pageerror", lambda error: print(url, error, file=sys.stderr))
    await page.goto(url)
    await page.get_by_role("button", name="Live").wait_for()
    await page.wait_for_timeout(700)
    wide = await page.evaluate("document.documentElement.scrollWidth")
    if wide > width:
        print(f"{url} at {width} px is {wide} px wide", file=sys.stderr)
    await page.screenshot(path=file, full_page=True)
    await context.close()


async def main(seconds: float, out: Path) -> None:
    """Run the example for a while, then take the pictures while it goes on."""
    mails = MailServer()
    smtp = Controller(mails, hostname="127.0.0.1", port=free_port())
    smtp.start()
    try:
        async with (
            webhook() as port,
            example(smtp.port, port) as base,
            ClientSession() as session,
        ):
            print(base, flush=True)
            life = Life(base, session, mails)
            await life.run(seconds)
            going_on = asyncio.create_task(life.go_on())
            await pictures(base, session, out)
            going_on.cancel()
            await asyncio.wait([going_on])
    finally:
        smtp.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=240, help="how long it runs before")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "screenshots")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(options.seconds, options.out))
