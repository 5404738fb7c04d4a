"""What may be an address and what may be a password."""

import pytest

from hongyan.model.person import MOST, Weakness, email, weakness


@pytest.mark.parametrize(
    ("written", "address"),
    [
        (" Li.Wei+sms@Example.COM ", "li.wei+sms@example.com"),
        ("a@b", "a@b"),
        ("nobody", None),
        ("a@b@c", None),
        ("a b@example.com", None),
        (".a@example.com", None),
        ("a@-example.com", None),
        ("a@example.com\nBcc: x@example.com", None),
        ("李@example.com", None),
        ("a@" + "b" * 64 + ".com", None),
        ("a" * 250 + "@b.cn", None),
        ("", None),
    ],
)
def test_an_address_is_what_mail_can_go_to_in_small_letters(written: str, address: str | None) -> None:
    assert email(written) == address


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("correct horse battery", None),
        ("鸿雁传书一二三四五六", None),
        ("k9!vR2#qLm", None),
        ("Ab1!xyz", Weakness.SHORT),
        ("x" * (MOST + 1), Weakness.LONG),
        ("aaaaaaaaaaaa", Weakness.FEW),
        ("1212121212", Weakness.FEW),
        ("1234567890", Weakness.RUNS),
        ("qwertyuiop123456", Weakness.RUNS),
        ("abcdefghijklm", Weakness.RUNS),
        ("Password2026!", Weakness.COMMON),
        ("!!!P@ssw0rd!!!", Weakness.COMMON),
        ("1q2w3e4r5t", Weakness.COMMON),
        ("woaini1314520", Weakness.COMMON),
        ("li.wei@2026", Weakness.OWN),
        ("Zhangwei1999", Weakness.OWN),
    ],
)
def test_a_password_is_refused_for_being_easy_to_guess_and_for_nothing_else(password: str, why: Weakness | None) -> None:
    assert weakness(password, "li.wei@example.com", "Zhangwei Wu") == why
