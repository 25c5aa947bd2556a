"""The API key from its four places: fetched once, never shown."""

import base64
import json

import boto3
import pytest

from forwarder.api_key import ApiKey
from forwarder.errors import ApiKeyError
from forwarder.settings import Settings
from tests.builders import REGION

KEY, ROTATED = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
FUNCTION = "Datadog-Forwarder"
ELSEWHERE = "ap-southeast-2"


def api_key(**variables: str) -> ApiKey:
    return ApiKey(Settings.from_environ({"AWS_REGION": REGION, "AWS_LAMBDA_FUNCTION_NAME": FUNCTION, **variables}))


def error_of(key: ApiKey) -> str:
    with pytest.raises(ApiKeyError) as caught:
        key.get()
    assert caught.value.__cause__ is None
    return str(caught.value)


def put_secret(value: str | bytes, region: str = REGION) -> str:
    """Keep a secret; return its ARN."""
    field = {"SecretString": value} if isinstance(value, str) else {"SecretBinary": value}
    return str(boto3.client("secretsmanager", region_name=region).create_secret(Name="key", **field)["ARN"])


def put_parameter(value: str, region: str = REGION) -> str:
    """Keep an encrypted parameter; return its name."""
    client = boto3.client("ssm", region_name=region)
    client.put_parameter(Name="/datadog/key", Value=value, Type="SecureString")
    return "/datadog/key"


def encrypt(value: str, **context: str) -> str:
    """Encrypt with a key of KMS; return the ciphertext as base64."""
    client = boto3.client("kms", region_name=REGION)
    key_id = client.create_key()["KeyMetadata"]["KeyId"]
    blob = client.encrypt(KeyId=key_id, Plaintext=value.encode(), EncryptionContext=context)["CiphertextBlob"]
    return base64.b64encode(blob).decode()


# --- in the environment --------------------------------------------------------------------------


def test_a_key_in_the_environment_needs_no_call(calls: list[str]) -> None:
    assert api_key(DD_API_KEY=f"  {KEY}\n").get() == KEY
    assert calls == []


# --- in Secrets Manager --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        KEY,
        f"\n {KEY} ",
        json.dumps({"DD_API_KEY": KEY}),
        json.dumps({"api_key": KEY}),
        json.dumps({"api_key": ROTATED, "DD_API_KEY": KEY, "other": 1}),
        f' {{"api_key": " {KEY}\\n"}}',
        json.dumps({"DD_API_KEY": None, "api_key": KEY}),
        json.dumps({"DD_API_KEY": " ", "api_key": KEY}),
        KEY.encode(),
        json.dumps({"DD_API_KEY": KEY}).encode(),
    ],
)
def test_a_secret_is_plain_text_or_json_as_text_or_bytes(value: str | bytes, calls: list[str]) -> None:
    assert api_key(DD_API_KEY_SECRET_ARN=put_secret(value)).get() == KEY


def test_a_secret_is_fetched_from_the_region_in_its_arn(calls: list[str]) -> None:
    arn = put_secret(KEY, ELSEWHERE)
    assert api_key(DD_API_KEY_SECRET_ARN=arn).get() == KEY
    assert calls[-1] == f"{ELSEWHERE} GetSecretValue"


def test_a_secret_given_by_name_is_fetched_from_the_functions_region(calls: list[str]) -> None:
    put_secret(KEY)
    assert api_key(DD_API_KEY_SECRET_ARN="key").get() == KEY
    assert calls[-1] == f"{REGION} GetSecretValue"


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:secretsmanager:{REGION}:123456789012:secret:gone",
        "arn:aws:secretsmanager:not_a_region:123456789012:secret:gone",
        "gone",
    ],
)
def test_a_secret_that_cannot_be_fetched_is_one_sentence_that_names_the_variable(arn: str, calls: list[str]) -> None:
    sentence = error_of(api_key(DD_API_KEY_SECRET_ARN=arn))
    assert sentence.startswith("The API key that DD_API_KEY_SECRET_ARN names could not be fetched: ")
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ('{"key": "sesame"}', "The secret is a JSON object without a string named DD_API_KEY or api_key."),
        ('{"DD_API_KEY": ["sesame"]}', "The secret is a JSON object without a string named DD_API_KEY or api_key."),
        ('{"DD_API_KEY": "sesame"', "The secret starts like a JSON object but is not one."),
        (
            '{"DD_API_KEY":' + "[" * 100_000 + "]" * 100_000 + "}",
            "The secret starts like a JSON object but is not one.",
        ),
        (b"\xff\xfesesame", "The stored API key is empty or contains invalid characters."),
    ],
)
def test_a_secret_of_another_shape_is_an_error_without_its_content(
    value: str | bytes, sentence: str, calls: list[str]
) -> None:
    assert error_of(api_key(DD_API_KEY_SECRET_ARN=put_secret(value))) == sentence


# --- in SSM --------------------------------------------------------------------------------------


def test_a_parameter_is_fetched_by_name_and_decrypted(calls: list[str]) -> None:
    assert api_key(DD_API_KEY_SSM_NAME=put_parameter(KEY)).get() == KEY
    assert calls[-1] == f"{REGION} GetParameter"


def test_a_parameter_given_by_its_arn_is_fetched_from_the_region_in_it(calls: list[str]) -> None:
    name = put_parameter(KEY, ELSEWHERE)
    arn = f"arn:aws:ssm:{ELSEWHERE}:123456789012:parameter{name}"
    assert api_key(DD_API_KEY_SSM_NAME=arn).get() == KEY
    assert calls[-1] == f"{ELSEWHERE} GetParameter"


def test_a_parameter_that_is_missing_is_one_sentence_that_names_the_variable(calls: list[str]) -> None:
    sentence = error_of(api_key(DD_API_KEY_SSM_NAME="/gone"))
    assert sentence.startswith("The API key that DD_API_KEY_SSM_NAME names could not be fetched: ")


# --- under KMS -----------------------------------------------------------------------------------


def test_a_ciphertext_of_the_command_line_has_no_context(calls: list[str]) -> None:
    assert api_key(DD_KMS_API_KEY=encrypt(KEY)).get() == KEY


def test_a_ciphertext_of_the_lambda_console_has_the_functions_name_as_context(calls: list[str]) -> None:
    assert api_key(DD_KMS_API_KEY=encrypt(KEY, LambdaFunctionName=FUNCTION)).get() == KEY


def test_a_ciphertext_may_be_cut_into_lines(calls: list[str]) -> None:
    text = encrypt(KEY)
    assert api_key(DD_KMS_API_KEY=f"{text[:76]}\r\n{text[76:]}\n").get() == KEY


@pytest.mark.parametrize("text", ["sesame!", "c2VzYW1"])
def test_a_ciphertext_that_is_not_base64_is_an_error_without_it(text: str, calls: list[str]) -> None:
    assert error_of(api_key(DD_KMS_API_KEY=text)) == "DD_KMS_API_KEY is not base64."


def test_a_ciphertext_that_cannot_be_decrypted_is_one_sentence_that_names_the_variable(calls: list[str]) -> None:
    sentence = error_of(api_key(DD_KMS_API_KEY=encrypt(KEY, LambdaFunctionName="another")))
    assert sentence.startswith("The API key that DD_KMS_API_KEY names could not be fetched: ")


# --- whichever place -----------------------------------------------------------------------------


def test_the_key_is_fetched_once_over_the_network(calls: list[str]) -> None:
    key = api_key(DD_API_KEY_SSM_NAME=put_parameter(KEY))
    before = len(calls)
    assert [key.get() for _ in range(5)] == [KEY] * 5
    assert calls[before:] == [f"{REGION} GetParameter"]


def test_making_it_fetches_nothing(calls: list[str]) -> None:
    api_key(DD_API_KEY_SSM_NAME="/gone")
    assert calls == []


def rotate(value: str) -> None:
    boto3.client("secretsmanager", region_name=REGION).put_secret_value(SecretId="key", SecretString=value)


def test_a_key_that_was_rotated_is_fetched_when_the_old_one_is_refused(calls: list[str]) -> None:
    key = api_key(DD_API_KEY_SECRET_ARN=put_secret(KEY))
    key.get()
    rotate(ROTATED)
    key.begin()
    assert (key.get(), key.other_than(KEY), key.get()) == (KEY, ROTATED, ROTATED)


def test_a_key_that_another_thread_has_fetched_is_not_fetched_again(calls: list[str]) -> None:
    key = api_key(DD_API_KEY_SECRET_ARN=put_secret(KEY))
    key.get()
    before = len(calls)
    assert key.other_than(ROTATED) == KEY
    assert len(calls) == before


def test_a_refused_key_that_was_not_rotated_has_no_other_and_is_asked_for_once(calls: list[str]) -> None:
    key = api_key(DD_API_KEY_SECRET_ARN=put_secret(KEY))
    key.get()
    key.begin()
    before = len(calls)
    assert [key.other_than(KEY) for _ in range(3)] == ["", "", ""]
    assert len(calls) == before + 1


def test_the_old_key_stays_where_a_new_one_cannot_be_fetched(calls: list[str]) -> None:
    key = api_key(DD_API_KEY_SSM_NAME=put_parameter(KEY))
    key.get()
    boto3.client("ssm", region_name=REGION).delete_parameter(Name="/datadog/key")
    key.begin()
    assert (key.other_than(KEY), key.get()) == ("", KEY)


def test_a_key_that_could_not_be_fetched_is_asked_for_once_in_an_invocation(calls: list[str]) -> None:
    key = api_key(DD_API_KEY_SSM_NAME="/gone")
    sentences = {error_of(key) for _ in range(3)}
    assert (len(sentences), len(calls)) == (1, 1)
    key.begin()
    boto3.client("ssm", region_name=REGION).put_parameter(Name="/gone", Value=KEY, Type="SecureString")
    assert key.get() == KEY


@pytest.mark.parametrize("value", ["two words", "two\nlines", "ke\ty", "k\u00e9y", "key\x00", "ключ"])
def test_what_no_header_can_hold_is_an_error_without_the_key(value: str, calls: list[str]) -> None:
    for key in (api_key(DD_API_KEY=value), api_key(DD_API_KEY_SECRET_ARN=put_secret(value))):
        assert error_of(key) == "The stored API key is empty or contains invalid characters."


def test_it_shows_where_the_key_is_and_nothing_of_it(calls: list[str]) -> None:
    key = api_key(DD_API_KEY=KEY)
    key.get()
    assert (f"{key!r}", f"{key}", key.place) == ("ApiKey(from DD_API_KEY)", "ApiKey(from DD_API_KEY)", "DD_API_KEY")
