"""What an asset may be called and how finely it is counted."""

from __future__ import annotations

import msgspec
import pytest

from credit_trading.errors import InvalidInput
from credit_trading.money import Asset


@pytest.mark.parametrize("code", ["USD", "VCS-1340-2020", "a", "1INCH", "x.y_z-9", "A" * 32])
def test_a_code_is_ascii_letters_digits_and_a_few_signs(code: str) -> None:
    """Such as registries and currencies use."""
    assert Asset.checked(code, 0).code == code


@pytest.mark.parametrize(
    "code", ["", " ", "-USD", ".x", "_x", "A" * 33, "US D", "USD\n", "€", "Ä", "a/b", "a@b.c", "\u0661"]
)
def test_any_other_code_is_refused(code: str) -> None:
    """An e-mail among them: codes stand in the journal."""
    with pytest.raises(InvalidInput, match="an asset code is"):
        Asset.checked(code, 0)


@pytest.mark.parametrize("decimals", [-1, 19, True, 2.0, "2", None])
def test_decimals_are_a_whole_number_from_0_to_18(decimals: object) -> None:
    """Text is not a number, nor is True."""
    with pytest.raises(InvalidInput, match="decimals must be"):
        Asset.checked("USD", decimals)  # type: ignore[arg-type]


def test_a_serialised_credit_is_counted_in_whole_tonnes() -> None:
    """0 decimals: half a credit is refused."""
    credit = Asset.checked("VCS-1340-2020", 0)
    assert credit.parse("12") == 12
    assert credit.format(12) == "12"
    with pytest.raises(InvalidInput, match=r"Give a whole number\."):
        credit.parse("12.5")


@pytest.mark.parametrize("zero", ["0", "0.00", 0])
def test_zero_is_no_amount_to_move(zero: str | int) -> None:
    """Deposits, withdrawals and deals move something; a balance may be zero."""
    cash = Asset.checked("USD", 2)
    assert cash.parse(zero) == 0
    with pytest.raises(InvalidInput, match=r"Give at least 0\.01\."):
        cash.parse_positive(zero)


@pytest.mark.parametrize("project_id", ["42", "vcs:1340.v2-a_b", "P" * 64])
def test_a_project_is_an_id_of_the_host_application(project_id: str) -> None:
    """It may be left out, as it is for cash."""
    assert Asset.checked("VCS-1340-2020", 0, project_id).project_id == project_id
    assert Asset.checked("USD", 2).project_id is None


@pytest.mark.parametrize("project_id", ["", " 42", "a b", "ann@example.com", "P" * 65, "42\n", "ä", 42])
def test_any_other_project_is_refused(project_id: object) -> None:
    """An e-mail among them: it stands in the journal."""
    with pytest.raises(InvalidInput, match="project id"):
        Asset.checked("VCS-1340-2020", 0, project_id)  # type: ignore[arg-type]


def test_an_asset_without_a_project_is_encoded_as_before_there_were_any() -> None:
    """Commands are compared by their encoding, and their digests are remembered."""
    assert msgspec.json.encode(Asset("USD", 2)) == b'{"code":"USD","decimals":2}'
    assert msgspec.json.encode(Asset("VCS", 0, "42")) == b'{"code":"VCS","decimals":0,"project_id":"42"}'
