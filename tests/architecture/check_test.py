#!/usr/bin/env python3
"""Each rule must see a tree that breaks it: a check that cannot fail is worth nothing."""
import pathlib
import subprocess
import tempfile
import unittest

import check

GOOD = {
    "README.md": "x",
    "dataplane/base/README.md": "x",
    "dataplane/base/a.h": "#pragma once\n",
    "dataplane/wire/README.md": "x",
    "dataplane/wire/b.h": '#pragma once\n#include "dataplane/base/a.h"\n',
}


class Rules(unittest.TestCase):
    def violations(self, rule, extra):
        with tempfile.TemporaryDirectory() as root:
            for name, text in {**GOOD, **extra}.items():
                path = pathlib.Path(root) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            subprocess.run(["git", "init", "-q", root], check=True)
            return list(check.RULES[rule](root))

    def test_a_good_tree_passes_every_rule(self):
        for rule in check.RULES:
            self.assertEqual(self.violations(rule, {}), [], rule)

    def test_layout(self):
        self.assertEqual(len(self.violations("layout", {"extras/x.txt": "x"})), 1)
        self.assertEqual(len(self.violations("layout", {"dataplane/newthing/x.h": ""})), 1)

    def test_includes_to_the_right_across_and_out_of_the_supervisor(self):
        self.assertEqual(len(self.violations("includes", {"dataplane/base/c.h": '#include "dataplane/wire/b.h"\n'})), 1)
        self.assertEqual(len(self.violations("includes", {
            "controlplane/sip/c.h": '#include "dataplane/session/table.h"\n'})), 1)
        self.assertEqual(len(self.violations("includes", {
            "controlplane/supervisor/c.h": '#include "dataplane/contract/messages.h"\n'})), 1)

    def test_libraries(self):
        self.assertEqual(len(self.violations("libraries", {"dataplane/wire/c.cc": "#include <rte_mbuf.h>\n"})), 1)
        self.assertEqual(len(self.violations("libraries", {"controlplane/app/c.cc": "#include <boost/beast.hpp>\n"})), 1)

    def test_sizes(self):
        self.assertEqual(len(self.violations("sizes", {"dataplane/base/big.cc": "\n" * 601})), 1)
        self.assertEqual(self.violations("sizes", {"dataplane/base/big.cc": "\n" * 600}), [])

    def test_readmes(self):
        self.assertEqual(len(self.violations("readmes", {"dataplane/crypto/x.h": ""})), 1)

    def test_headers(self):
        self.assertEqual(len(self.violations("headers", {"dataplane/base/c.h": "std::string forgot_the_include();\n"})), 1)


if __name__ == "__main__":
    unittest.main()
