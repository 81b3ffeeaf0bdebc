import unittest

from stack import Stack


class StackTest(unittest.TestCase):
    def test_one_item_comes_back(self):
        stack = Stack()
        stack.push("a")
        self.assertEqual(stack.pop(), "a")

    def test_the_last_item_comes_back_first(self):
        stack = Stack()
        stack.push("a")
        stack.push("b")
        self.assertEqual(stack.pop(), "b")

    def test_the_limit_is_kept(self):
        stack = Stack(limit=0)
        with self.assertRaises(OverflowError):
            stack.push("a")


if __name__ == "__main__":
    unittest.main()
