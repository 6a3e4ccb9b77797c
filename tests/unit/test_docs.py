"""What the documents say about the code is what the code says."""

import re
from pathlib import Path

import pytest

from lambdas.shared.domain.call import TRANSITIONS

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
PARTS = ("agent", "cdk", "gpu_fleet", "lambdas", "local")
FOLDERS = "agent|cdk|docs|gpu_fleet|hotels|lambdas|local|requirements|tests"


def state_diagram() -> str:
    """The table of a call's states as Mermaid draws it."""
    moves = [f"    {state} --> {after}: {move}" for state, row in TRANSITIONS.items() for move, after in row.items()]
    return "\n".join(["stateDiagram-v2", "    [*] --> ringing", *moves, "    ended --> [*]"])


def test_the_picture_of_a_call_is_the_table() -> None:
    """The state diagram in docs/architecture.md shows every move of the table and no other."""
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")

    assert state_diagram() in page, f"put this into docs/architecture.md:\n{state_diagram()}"


def test_every_folder_of_modules_is_on_the_map() -> None:
    """Whoever looks for a room of the code finds it in docs/architecture.md."""
    named = re.findall(r"`([\w/]+?)/?`", (DOCS / "architecture.md").read_text(encoding="utf-8"))
    folders = {str(path.parent.relative_to(ROOT)) for part in PARTS for path in (ROOT / part).rglob("__init__.py")}

    assert folders - set(named) == {"lambdas", "lambdas/shared"}


def test_every_decision_is_in_the_index_by_its_title() -> None:
    """Whoever looks for a decision finds it in docs/adr/README.md, and nothing there has been renamed since."""
    rows = {
        f"| [{page.name[:4]}]({page.name}) | {page.read_text(encoding='utf-8').splitlines()[0].partition('. ')[2]} |"
        for page in (DOCS / "adr").glob("0*.md")
    }

    assert rows <= set((DOCS / "adr/README.md").read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_links_to_what_is_there(page: Path) -> None:
    """A link to another page, and to a heading of it, leads somewhere."""
    broken = [
        target
        for target in re.findall(
            r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
        )
        if not target.startswith(("http:", "https:", "mailto:")) and not leads_somewhere(page, target)
    ]

    assert not broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_commands_and_files_that_are_there(page: Path) -> None:
    """Whoever types a `make` that a page names, or opens a file of the repository that it names, finds it."""
    text = page.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))

    commands = set(re.findall(r"(?:^|`|\")make ([a-z][a-z0-9-]*)", text, re.MULTILINE))
    files = set(re.findall(rf"`((?:{FOLDERS})/[\w./-]*)`", text))

    assert commands - targets == set()
    assert {file for file in files if not (ROOT / file).exists()} == set()


def leads_somewhere(page: Path, target: str) -> bool:
    """Whether the linked file exists and has the linked heading, as GitHub makes an anchor of one."""
    name, _, anchor = target.partition("#")
    file = (page.parent / name).resolve() if name else page
    if not file.exists() or not anchor:
        return file.exists()
    headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return anchor in {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
