"""The pages in a real browser, against a real server, without a line of JavaScript."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from athena.platform.kernel.web import held_port
from athena.policies.agreements.signing import load_private_key, parse_document, sign
from support.cluster import ROOT, Cluster
from support.waiting import PATIENCE

pytestmark = pytest.mark.needs_browser

MILLISECONDS = 1000 * PATIENCE
expect.set_options(timeout=MILLISECONDS)

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Yield a port that is held for the demo."""
    with held_port() as held:
        yield held


@pytest.fixture(scope="module")
async def address(
    cluster: Cluster, consortium: str, tmp_path_factory: pytest.TempPathFactory, port: int
) -> AsyncIterator[str]:
    """Yield the address of a demo that runs as its own process."""
    with cluster.locked():
        name = await cluster.create(consortium)
    store = cluster.store(name)
    environment = {
        **os.environ,
        "ATHENA_PORT": str(port),
        "ATHENA_DATA_DIR": str(tmp_path_factory.mktemp("demo")),
        "ATHENA_DEMO_NOMINALS": "1500",
        "ATHENA_DATABASE_URL": store.admin_url.render_as_string(hide_password=False),
        "ATHENA_MASTER_SECRET": store.master_secret.decode(),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "athena.platform.cli",
        "demo",
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        line = b""
        while b"Ready" not in line:
            line = await process.stdout.readline()
            assert line, "the demo ended before it was ready"
    yield f"http://127.0.0.1:{port}"
    process.send_signal(signal.SIGINT)
    assert await process.wait() in (0, 130, -signal.SIGINT)
    await cluster.drop(name)


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Yield the machine's Chromium."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=QUIET, timeout=MILLISECONDS
        )
        yield running
        await running.close()


@pytest.fixture
async def page(browser: Browser, address: str) -> AsyncIterator[Page]:
    """Yield a page of a signed-in Kent officer, with JavaScript off."""
    context = await browser.new_context(java_script_enabled=False, base_url=address)
    context.set_default_timeout(MILLISECONDS)
    opened = await context.new_page()
    await opened.goto("/")
    await opened.get_by_role("button", name="officer.kent").click()
    yield opened
    await context.close()


async def search(page: Page, name: str, reason: str = "Looking for a witness") -> None:
    """Fill in and send the search, and wait for its answer: results, or what is wrong."""
    await page.get_by_label("Who are you looking for?").fill(name)
    await page.get_by_label("Reason").fill(reason)
    await page.get_by_role("button", name="Search").click()
    results = page.get_by_role("heading", name="Best matches")
    await expect(results.or_(page.get_by_role("alert"))).to_be_visible()


async def test_an_officer_searches_and_opens_a_nominal(page: Page) -> None:
    await search(page, "smyth")
    assert "smyth" not in page.url
    first = page.locator("article").first
    await expect(first).to_contain_text("% fit")
    name = await first.get_by_role("link").inner_text()
    await first.get_by_role("link").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(name)
    await expect(
        page.get_by_text("Withheld from you").or_(page.get_by_text("Nothing is withheld"))
    ).to_be_visible()
    await page.get_by_role("link", name="Back to results").click()
    await expect(page.get_by_role("heading", name="Best matches")).to_be_visible()


async def test_what_is_missing_is_said_and_what_was_typed_stays(page: Page) -> None:
    await search(page, "jon smyth", reason="")
    await expect(page.get_by_role("alert")).to_contain_text("Give the reason")
    await expect(page.get_by_label("Who are you looking for?")).to_have_value("jon smyth")


async def test_the_next_page_goes_on(page: Page) -> None:
    await search(page, "smith")
    ids = await page.locator("article a").evaluate_all("links => links.map(link => link.pathname)")
    await page.get_by_role("link", name="Next page").click()
    await expect(page.get_by_role("heading", name="More matches")).to_be_visible()
    more = await page.locator("article a").evaluate_all("links => links.map(link => link.pathname)")
    assert more
    assert not set(ids) & set(more)


async def test_a_warning_narrows_a_search(page: Page) -> None:
    await search(page, "smith")
    everybody = await page.locator("article").count()
    await page.get_by_text("Change the search").click()
    await page.get_by_label("Warning (optional)").select_option("Violent")
    async with page.expect_navigation():
        await page.get_by_role("button", name="Search").click()
    await page.get_by_text("Change the search").click()
    await expect(page.get_by_label("Warning (optional)")).to_have_value("violent")
    assert await page.locator("article").count() < everybody


async def test_a_role_without_records_is_told_so(page: Page) -> None:
    await page.get_by_role("button", name="Change account").click()
    await page.get_by_role("button", name="admin.kent").click()
    await search(page, "smith")
    await expect(page.get_by_role("alert")).to_contain_text("Your role doesn't include")


async def test_a_supervisor_opens_a_record_in_an_emergency(page: Page) -> None:
    await expect(page.get_by_role("link", name="Emergency")).to_have_count(0)
    await page.get_by_role("button", name="Change account").click()
    await page.get_by_role("button", name="supervisor.kent").click()
    await search(page, "smith")
    await page.get_by_role("link", name="Emergency: open this record").first.click()
    await page.get_by_role("button", name="Open the record").click()
    await expect(page.get_by_role("alert")).to_contain_text("Say what the emergency is")
    await page.get_by_label("What is the emergency?").fill("A child is at risk tonight")
    await page.get_by_label("Reason for looking").fill("Incident 1234")
    await page.get_by_role("button", name="Open the record").click()
    await expect(page.get_by_text("The record is open in an emergency")).to_be_visible()
    await page.get_by_role("link", name="Back to results").click()


async def test_every_field_has_a_label_and_every_page_a_title(page: Page) -> None:
    await search(page, "smith")
    unlabelled = await page.locator("input:not([type=hidden]), select").evaluate_all(
        "fields => fields.filter(field => !field.labels.length).map(field => field.name)"
    )
    assert unlabelled == []
    assert "Athena" in await page.title()
    assert await page.locator("h1").count() == 1
    assert await page.locator("html").get_attribute("lang") == "en"


async def test_it_fits_a_telephone(page: Page) -> None:
    await page.set_viewport_size({"width": 360, "height": 740})
    await search(page, "smith")
    wide = await page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 360


async def test_a_signatory_reads_and_signs_an_agreement(
    page: Page, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (key,) = tmp_path_factory.getbasetemp().glob("demo[0-9]*/demo-signatory-keys/kent.pem")
    await page.get_by_role("button", name="Change account").click()
    await page.get_by_role("button", name="signatory.kent").click()
    await page.get_by_role("link", name="Agreements").click()
    await expect(page.get_by_role("link", name="ATH-ISA-04")).to_be_visible()
    await page.get_by_role("link", name="ATH-ISA-16").click()
    await expect(page.get_by_text("Must be sent: names, contacts.")).to_be_visible()
    await page.go_back()
    await page.get_by_role("link", name="ATH-ISA-13").click()
    paste = page.get_by_label("Hand in your signature")
    await paste.fill("nonsense")
    await page.get_by_role("button", name="Hand in").click()
    await expect(page.get_by_role("alert")).to_contain_text("isn't a detached signature")
    await expect(paste).to_have_value("nonsense")
    link = page.get_by_role("link", name="Save the document")
    saved = await page.request.get(str(await link.get_attribute("href")))
    signed = sign(parse_document(await saved.body()), load_private_key(key.read_bytes()))
    await paste.fill(signed.model_dump_json())
    await page.get_by_role("button", name="Hand in").click()
    await expect(page.get_by_text("in force", exact=True)).to_be_visible()
    await expect(page.get_by_text("Not signed")).to_have_count(0)
    await page.set_viewport_size({"width": 360, "height": 740})
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_assets_need_nothing_from_elsewhere(address: str) -> None:
    with urlopen(f"{address}/assets/athena.css") as answer:
        style = answer.read().decode()
    assert re.search(r"@import|url\(.?https?:", style) is None
    assert "GDS Transport" not in style
    assert "crest" not in style


def test_the_stylesheet_is_package_data() -> None:
    assert (Path(ROOT) / "platform/athena/platform/kernel/assets/athena.css").exists()
