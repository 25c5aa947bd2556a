"""`python -m release.package [DIRECTORY]`: for each processor a zip, a layer, and a template for each of the two.

A template names the zip beside it, so that `sam deploy` or `aws cloudformation package` uploads it as it is.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from release import ROOT, VERSION
from release.archive import Archive, archive
from release.template import dump, load, pin

BUILT = ROOT / ".aws-sam"  # <architecture>/template.yaml, and a directory for each function
NAME = "datadog-log-forwarder"
ARCHITECTURES = ("arm64", "x86_64")
FUNCTION_TYPE = "AWS::Serverless::Function"
# Lambda finds modules in this directory of a layer.
LAYER_PREFIX = "python/"
# Our own limits, far below Lambda's: a small package starts fast.
MAX_ZIPPED = 5_000_000
MAX_UNZIPPED = 15_000_000


class PackageError(Exception):
    """A release cannot be made from this: one sentence that says why."""


def package(built: Path, architecture: str, directory: Path) -> Iterator[str]:
    """Write the four files for a processor architecture, from what SAM built for it; yield a line about each zip.

    Raises PackageError if the stack is not built, its functions do not share one package, or that is too large.
    """
    template = _built(built / "template.yaml")
    functions = [each for each in template["Resources"].values() if each["Type"] == FUNCTION_TYPE]
    tree = _shared_tree(built, functions)
    name = f"{NAME}-{VERSION}-{architecture}"
    for zip_name, content in ((f"{name}.zip", archive(tree)), (f"{name}-layer.zip", archive(tree, LAYER_PREFIX))):
        _check_size(zip_name, content)
        (directory / zip_name).write_bytes(content.content)
        yield f"{zip_name}: {len(content.content) / 1e6:.2f} MB, unzipped {content.unzipped / 1e6:.2f} MB"
    for function in functions:
        function["Properties"]["CodeUri"] = f"{name}.zip"
    pin(template, architecture)
    dump(template, directory / f"{name}.yaml")
    dump(_layer_template(architecture, f"{name}-layer.zip"), directory / f"{name}-layer.yaml")


def _shared_tree(built: Path, functions: list[dict[str, Any]]) -> Path:
    trees: list[Path] = sorted({built / function["Properties"]["CodeUri"] for function in functions})
    if len({archive(tree).content for tree in trees}) != 1:
        raise PackageError("The functions of the template were built from different sources; a release has one zip.")
    return trees[0]


def _check_size(name: str, made: Archive) -> None:
    for what, size, limit in (("zipped", len(made.content), MAX_ZIPPED), ("unzipped", made.unzipped, MAX_UNZIPPED)):
        if size > limit:
            raise PackageError(f"{name} is too large: {size:,} bytes {what}, more than {limit:,}.")


def _layer_template(architecture: str, zip_name: str) -> dict[str, Any]:
    layer = {
        "LayerName": f"{NAME}-{architecture}",
        "Description": f"Datadog log forwarder {VERSION}",
        "ContentUri": zip_name,
        "CompatibleArchitectures": [architecture],
        "CompatibleRuntimes": ["python3.13"],
        "RetentionPolicy": "Retain",
    }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Transform": "AWS::Serverless-2016-10-31",
        "Description": "The forwarder as a layer; the handler is forwarder.handler.lambda_handler.",
        "Resources": {"Layer": {"Type": "AWS::Serverless::LayerVersion", "Properties": layer}},
        "Outputs": {
            "LayerVersionArn": {"Description": "For the function's list of layers.", "Value": {"Ref": "Layer"}}
        },
    }


def _built(path: Path) -> dict[str, Any]:
    try:
        template = load(path)
    except OSError:
        raise PackageError("The stack is not built for both processors: run `make package`, which does it.") from None
    for resource in template["Resources"].values():
        resource.get("Metadata", {}).pop("SamResourceId", None)  # SAM's own, of the build
    return template


def main(directory: str = "dist") -> int:
    """Write the release to a directory, which is created if needed; return the exit status."""
    target = Path(directory)
    target.mkdir(parents=True, exist_ok=True)
    for old in target.glob(f"{NAME}-*"):
        old.unlink()
    try:
        for architecture in ARCHITECTURES:
            for line in package(BUILT / architecture, architecture, target):
                print(line)
    except PackageError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
