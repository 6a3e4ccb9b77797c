"""What all connectors share keeps one hotel's secrets and sessions from another's."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from lambdas.shared.domain.errors import Unreachable
from lambdas.shared.pms import parts

pytestmark = pytest.mark.unit


def test_no_cookie_is_kept() -> None:
    """What a vendor sets for one hotel is not sent for another: one pool serves all of them."""
    with parts.open_http.__wrapped__() as http:
        http.cookies.extract_cookies(
            httpx.Response(
                200,
                headers={"set-cookie": "session=1; Path=/"},
                request=httpx.Request("GET", "https://vendor.example.com/"),
            )
        )

        assert len(http.cookies.jar) == 0


def test_a_secret_is_read_by_hotel(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hotel's secret is the JSON object under its name; anything else is unreachable and not shown."""
    stored: dict[str, Any] = {"bellhop/dev/pms/aurora": '{"key": "k"}', "bellhop/dev/pms/boreal": '{"key": 1}'}
    monkeypatch.setattr(parts, "read_secret", lambda name, **_: stored[name])
    secret = parts.secrets_under("bellhop/dev/pms")

    assert secret("aurora", False) == {"key": "k"}
    for content in ('{"key": 1}', '["geheim"]', "geheim"):
        stored["bellhop/dev/pms/boreal"] = content
        with pytest.raises(Unreachable) as caught:
            secret("boreal", True)
        assert str(caught.value) == "secret bellhop/dev/pms/boreal is not a JSON object of texts"
