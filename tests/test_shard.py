"""Shares of many scans."""

from __future__ import annotations

import pytest

from osteon.errors import UsageError
from osteon.shard import Shard


@pytest.mark.parametrize("of", [1, 2, 3, 7, 12])
def test_all_shares_together_have_everything_once(of: int) -> None:
    items = [f"scan-{n}" for n in range(10)]
    shares = [Shard.parse(f"{number}/{of}").share(items) for number in range(1, of + 1)]
    assert sorted(item for share in shares for item in share) == sorted(items)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize("text", ["0/3", "4/3", "1/0", "3", "a/b", "-1/3", "1/3/5", ""])
def test_what_is_no_share_is_refused_with_what_to_give(text: str) -> None:
    with pytest.raises(UsageError, match=r"give 1/|as in 2/8"):
        Shard.parse(text)
