# SPDX-License-Identifier: Apache-2.0
"""Reading a text screen out of its pixels, without knowing its font: what a character looks like is learned from what the test typed and the guest echoed."""
COLUMNS, ROWS = 80, 25


class Screen:
    """pixels: rows of brightness, 0 to 255 each."""

    def __init__(self, width, height, pixels):
        self.wide, self.high = width // COLUMNS, height // ROWS
        self.is_text = width % COLUMNS == 0 and height % ROWS == 0 and self.wide in (8, 9) and self.high == 16
        self.pixels = pixels

    def cell(self, row, column):
        """What lights up there, as a number; 0: nothing."""
        shape = 0
        for y in range(row * self.high, (row + 1) * self.high):
            for value in self.pixels[y][column * self.wide:(column + 1) * self.wide]:
                shape = shape << 1 | (value > 96)
        return shape

    def line(self, row):
        """The shapes of a row, without the nothing behind them."""
        shapes = [self.cell(row, column) for column in range(COLUMNS)]
        while shapes and not shapes[-1]:
            shapes.pop()
        return shapes

    def last(self):
        """The lowest row that has something, -1: none."""
        return next((row for row in range(ROWS - 1, -1, -1) if any(self.line(row))), -1)


def cursor_of(high, wide):
    """The text cursor: the lowest lines of a cell, which blink."""
    return [((1 << wide * lines) - 1) << wide * (high - top - lines) for top in range(high) for lines in range(1, high - top + 1)]


class Reader:
    def __init__(self):
        self.shapes = {}

    def learn(self, shapes, text):
        for shape, character in zip(shapes, text):
            self.shapes[shape] = character

    def read(self, shapes):
        return "".join(" " if not shape else self.shapes.get(shape, "?") for shape in shapes)
