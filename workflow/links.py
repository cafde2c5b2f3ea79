"""Ask every outside link of the book whether it answers; links inside are checked by every build."""

import subprocess
import sys

from workflow.build_book import BUILD, EXECUTED, ROOT, jupyter_book


def main() -> int:
    if not EXECUTED.is_dir():
        print("there are no executed pages; run `make book` first.", file=sys.stderr)
        return 2
    subprocess.run(jupyter_book("linkcheck"), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    said = (BUILD / "site" / "_build" / "linkcheck" / "output.txt").read_text().splitlines()
    broken = [line for line in said if "[broken]" in line or "[timeout]" in line]
    print(*broken, f"{len(broken)} outside links do not answer.", sep="\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
