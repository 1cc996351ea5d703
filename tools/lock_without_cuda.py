"""Print requirements.lock without torch, torchaudio and the packages only torch's CUDA build needs.

For `make TORCH=cpu`: the small CPU build of torch is not on the package registry, so its hashes cannot be in the lock.
"""

import re
import sys
from pathlib import Path

DROPPED = re.compile(r"^(torch|torchaudio|triton|nvidia-[a-z0-9-]+|cuda-[a-z0-9-]+)==")


def main() -> None:
    """Filter the lock given as the first argument."""
    keep = True
    for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines():
        if not line.startswith((" ", "#")):
            keep = not DROPPED.match(line)
        if keep:
            sys.stdout.write(line + "\n")


main()
