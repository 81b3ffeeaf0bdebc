import pathlib
import unittest

from invoices import Line, written

GOLDEN = pathlib.Path(__file__).parent / "golden"


class TextTest(unittest.TestCase):
    def test_an_invoice_is_written_as_it_was_agreed(self):
        lines = [Line("tea", 3, "2.50"), Line("cake", 1, "3.95")]
        self.assertEqual(written(17, lines), (GOLDEN / "invoice.txt").read_text())

    def test_an_invoice_ends_with_a_line(self):
        self.assertTrue(written(1, []).endswith("\n"))
