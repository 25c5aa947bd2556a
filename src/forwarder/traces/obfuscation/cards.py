"""Tag values that are payment card numbers."""

import re

MIN_DIGITS = 12

# Issuer prefixes by number of digits, as ranges of leading digits: (first, last).
# From the public lists of issuer identification numbers (ISO/IEC 7812).
_MAESTRO = [("500000", "509999"), ("560000", "589999"), ("600000", "699999")]
_VISA = [("4", "4")]
_DINERS = [("300", "305"), ("309", "309"), ("36", "36"), ("38", "39")]
_AMEX = [("34", "34"), ("37", "37")]
_MASTERCARD = [("51", "55"), ("2221", "2720")]
_DISCOVER_AND_UNIONPAY = [("6011", "6011"), ("62", "62"), ("644", "659"), ("81", "81")]
_JCB = [("3528", "3589")]
_MIR = [("2200", "2204")]
_UATP = [("1", "1")]
_ISSUERS: dict[int, list[tuple[str, str]]] = {
    12: _MAESTRO,
    13: [*_MAESTRO, *_VISA],
    14: [*_MAESTRO, *_DINERS],
    15: [*_MAESTRO, *_AMEX, *_UATP],
    16: [*_MAESTRO, *_VISA, *_DINERS, *_MASTERCARD, *_DISCOVER_AND_UNIONPAY, *_JCB, *_MIR],
}

# Few values pass this, so checking every tag is cheap.
_LIKE_A_CARD = re.compile(r"\s*+[0-9][0-9 .\xa0+eE-]{10,62}[0-9]\s*+")
_FLOAT = re.compile(r"[0-9]{12,16}\.0|[0-9]\.[0-9]{1,15}[eE]\+?1[1-5]")  # a number that went through JSON
_SEPARATORS = str.maketrans("", "", " .-\xa0")
_DOUBLED = [sum(divmod(2 * digit, 10)) for digit in range(10)]


def is_card_number(value: str) -> bool:
    """Return whether the value is a card number: 12 to 16 digits, a known issuer, valid.

    There may be spaces, dashes and dots between the digits, and it may be printed as a float.
    """
    if not _LIKE_A_CARD.fullmatch(value):
        return False
    value = value.strip()
    digits = str(int(float(value))) if _FLOAT.fullmatch(value) else value.translate(_SEPARATORS)
    return digits.isdigit() and _has_issuer(digits) and _is_valid(digits)


def _has_issuer(digits: str) -> bool:
    return any(first <= digits[: len(first)] <= last for first, last in _ISSUERS.get(len(digits), ()))


def _is_valid(digits: str) -> bool:
    """Luhn: every second digit from the right doubled, the sum of all digits is a multiple of ten (ISO/IEC 7812-1)."""
    total = sum(int(digit) for digit in digits[-1::-2]) + sum(_DOUBLED[int(digit)] for digit in digits[-2::-2])
    return total % 10 == 0
