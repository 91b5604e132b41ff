"""What every scenario does: a folder of its own, sentences with the time, a verdict that lists what was wrong."""
import argparse
import os
import pathlib
import shutil
import sys
import time
import traceback

from . import demo_media


class Scenario:
    """name, folder (emptied for this run), media (films and tones), build (where bin/ is), sanitized (how it was built), peers (build
    folder of test programs that stand beside the gateway: the packaged libraries in them bear no sanitizer, so those of release do)."""

    def __init__(self, name, build, folder, sanitized=False):
        self.name, self.build, self.folder, self.sanitized = name, build, folder, sanitized
        self.peers = build.parent / "release" if sanitized else build
        self.complaints = []
        self._began = time.monotonic()
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.media = build / "demo-media"
        demo_media.make(self.media)

    def say(self, sentence):
        print(f"{time.monotonic() - self._began:6.1f} s  {sentence}", flush=True)

    def check(self, right, sentence):
        """Goes on after a complaint: one run then shows all that is wrong."""
        if not right:
            self.complain([sentence])
        return bool(right)

    def complain(self, sentences):
        for sentence in sentences:
            self.complaints.append(sentence)
            self.say(f"WRONG: {sentence}")


def main(run):
    """run(scenario) from the command line; exit status 1 when there was a complaint."""
    name = pathlib.Path(sys.argv[0]).stem
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    root = pathlib.Path(__file__).resolve().parents[2]
    parser.add_argument("--build", type=pathlib.Path, default=root / "build/release", help="build folder (default %(default)s)")
    parser.add_argument("--sanitized", action="store_true", help="the programs are built with sanitizers")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit(f"{name} makes network namespaces and needs root")
    build = arguments.build.resolve()
    scenario = Scenario(name, build, build / "scenario" / name, arguments.sanitized)
    try:
        run(scenario)
    except Exception as error:  # whatever went wrong is the verdict
        traceback.print_exc()
        scenario.complain([f"{type(error).__name__}: {error}"])
    if scenario.complaints:
        scenario.say(f"{name} failed; logs, captures and pictures are in {scenario.folder}")
        sys.exit(1)
    scenario.say(f"{name} is right")
