"""What `make package` and `make release-notes` run: the files of a release, from what `sam build` built."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The version is in the code that ships; a clone has it here, without being installed.
sys.path.append(str(ROOT / "src"))

from forwarder import VERSION  # noqa: E402 - needs the path

__all__ = ["ROOT", "VERSION"]
