#!/usr/bin/env python3
"""The service files, as systemd's own tools read them. Nothing is started: there is no systemd to start it here."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
SERVICE = ROOT / "hwconfig/systemd/isthmus.service"
MOST_EXPOSED = 5.0  # "systemd-analyze security" counts from 0 (shut) to 10 (open)


class Service(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def staged(self, text):
        """The unit with programs that exist: systemd refuses one without."""
        path = self.folder / "isthmus.service"
        for program in ("isthmus-supervisor", "isthmus-controlplane"):
            stand_in = self.folder / program
            stand_in.write_text("#!/bin/sh\n", encoding="utf-8")
            stand_in.chmod(0o755)
            text = text.replace(f"/usr/bin/{program}", str(stand_in))
        path.write_text(text, encoding="utf-8")
        return path

    def verify(self, text):
        return subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=yes", str(self.staged(text))],
                              capture_output=True, text=True)

    def test_is_valid(self):
        result = self.verify(SERVICE.read_text(encoding="utf-8"))
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_the_judge_sees_a_misspelt_key(self):
        self.assertNotEqual(self.verify(SERVICE.read_text(encoding="utf-8").replace("KillMode=", "KilMode=")).returncode, 0)

    def test_is_shut_as_far_as_the_planes_allow(self):
        path = self.staged(SERVICE.read_text(encoding="utf-8"))
        result = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager",
                                 f"--threshold={int(MOST_EXPOSED * 10)}", str(path)], capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stdout[-600:] + result.stderr)

    def test_users_are_those_of_the_supervisor(self):
        users = {line.split()[1] for line in (ROOT / "hwconfig/systemd/isthmus.sysusers").read_text(encoding="utf-8").splitlines()
                 if line.startswith("u ")}
        options = (ROOT / "controlplane/supervisor/options.h").read_text(encoding="utf-8")
        self.assertEqual(users, {user for user in ("isthmus-dataplane", "isthmus-controlplane") if f'"{user}"' in options})

    def test_sysusers_are_read(self):
        result = subprocess.run(["systemd-sysusers", "--dry-run", "--root", str(self.folder), str(ROOT / "hwconfig/systemd/isthmus.sysusers")],
                                capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("isthmus-dataplane", result.stdout + result.stderr)


if __name__ == "__main__":
    unittest.main()
