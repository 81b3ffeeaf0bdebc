import time
import unittest
from decimal import Decimal

from invoices import Line, net, total


class LinesTest(unittest.TestCase):
    def setUp(self):
        self.lines = [Line("tea", 3, "2.50"), Line("cake", 1, "3.95")]

    def test_a_line_costs_its_count_times_its_price(self):
        self.assertEqual(self.lines[0].amount, Decimal("7.50"))

    def test_lines_add_up(self):
        self.assertEqual(net(self.lines), Decimal("11.45"))

    def test_tax_is_added_and_rounded(self):
        self.assertEqual(total(self.lines), Decimal("13.63"))

    def test_halves_are_rounded_away_from_zero(self):
        self.assertEqual(net([Line("screw", 1, "0.125")]), Decimal("0.13"))

    def test_a_line_has_at_least_one_of_something(self):
        with self.assertRaises(ValueError):
            Line("nothing", 0, "1.00")

    def test_many_lines_add_up_in_a_second(self):
        lines = [Line("screw", 1, "0.01")] * 5000
        start = time.perf_counter()
        net(lines)
        self.assertLess(time.perf_counter() - start, 1)
