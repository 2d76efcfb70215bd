"""Pictures of the main pages for docs/screenshots, taken from a running product with its demo."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

ROOT = Path(__file__).resolve().parent.parent.parent.parent
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
SIZES = {"1440": (1440, 900), "390": (390, 844)}
# name → (path, whether a person is logged in, what to do before the picture)
PAGES: dict[str, tuple[str, bool]] = {
    "home": ("/admin/", True),
    "console": ("/console/", True),
    "preview": ("/admin/preview/", True),
    "channels": ("/admin/bots/channel/", True),
    "catalogue": ("/admin/integrations/product/", True),
    "chat": ("/chat/{key}/", False),
    "login": ("/admin/login/", False),
}


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=settings.PORT)
        parser.add_argument("--host", default="demo.localhost")
        parser.add_argument("--email", default="owner@demo.localhost")
        parser.add_argument("--password", default="demo-owner")
        parser.add_argument("--only", nargs="*", help="names of pages")
        parser.add_argument("--sizes", nargs="*", default=list(SIZES))
        parser.add_argument("--schemes", nargs="*", default=["light", "dark"])
        parser.add_argument("--languages", nargs="*", default=["ru", "en"])
        parser.add_argument("--into", type=Path, default=ROOT / "docs/screenshots")

    def handle(self, *args: Any, **options: Any) -> None:
        from playwright.sync_api import sync_playwright

        options["into"].mkdir(parents=True, exist_ok=True)
        key = _chat_key(options["host"])
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=CHROMIUM,
                args=["--no-sandbox", "--host-resolver-rules=MAP *.localhost 127.0.0.1"],
            )
            for size in options["sizes"]:
                for scheme in options["schemes"]:
                    for language in options["languages"]:
                        self._round(browser, size, scheme, language, key, options)
            browser.close()

    def _round(
        self, browser: Any, size: str, scheme: str, language: str, key: str, options: dict
    ) -> None:
        width, height = SIZES[size]
        base = f"http://{options['host']}:{options['port']}"
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            locale="ru-RU" if language == "ru" else "en-GB",
            reduced_motion="reduce",
        )
        page = context.new_page()
        page.goto(f"{base}/admin/login/")
        logged_in = False
        for name, (path, needs_person) in sorted(PAGES.items(), key=lambda item: item[1][1]):
            if options["only"] and name not in options["only"]:
                continue
            if needs_person and not logged_in:
                page.goto(f"{base}/admin/login/")
                page.fill("input[name=username]", options["email"])
                page.fill("input[name=password]", options["password"])
                page.press("input[name=password]", "Enter")
                page.wait_for_url(f"{base}/admin/")
                logged_in = True
            page.goto(base + path.format(key=key))
            page.wait_for_load_state("load")
            self._prepare(page, name)
            file = options["into"] / f"{name}-{size}-{scheme}-{language}.png"
            page.screenshot(path=str(file))
            self.stdout.write(file.name)
        context.close()

    @staticmethod
    def _prepare(page: Any, name: str) -> None:
        page.wait_for_timeout(900)
        if name == "console":
            page.locator(".views button").last.click()
            page.locator(".row").first.wait_for()
            page.locator(".row").first.click()
            page.locator(".bubble").first.wait_for()
            page.wait_for_timeout(500)


def _chat_key(host: str) -> str:
    from tenants.models import Domain, RouteKey

    merchant = Domain.objects.get(host=host).merchant
    return RouteKey.objects.filter(merchant=merchant, kind="web").values_list("key", flat=True)[0]
