"""The base of everything that scrolls through lines: it grows without laying out the screen anew."""

from __future__ import annotations

from typing import ClassVar

from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.widget import Widget

from supervisor.ui.widgets.ink import INK_CLASSES, Inked


class LineScroll(ScrollView, Inked, can_focus=True):
    """A scrolled view that draws its lines itself."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(INK_CLASSES)

    def set_content_height(self, height: int) -> None:
        """Say how many lines there are to scroll through.

        Setting `virtual_size` itself would lay out the whole screen each time a row is added; the
        toolkit's own way for a size that it learns of during layout does not.
        """
        size = Size(self.scrollable_content_region.width, height)
        if size != self.virtual_size:
            self.set_reactive(Widget.virtual_size, size)
            self._scroll_update(size)
