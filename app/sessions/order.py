"""An order of many, each with a key and a label: blocks of sorted keys under a Fenwick tree of their lengths. Pure.

Knows nothing of sessions. Entering and leaving cost a binary search, a move within one block and O(log n) counts; how
many are before somebody costs a binary search and O(log n) sums (Fenwick, "A new data structure for cumulative
frequency tables", 1994; blocks as in Grant Jenks's sortedcontainers).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import chain, islice

# A block is split when it holds twice as many. Moving a thousand pointers takes less than a microsecond.
_BLOCK = 512


class Order:
    """Members by an integer `id`, in the order of an integer `key`; equal keys in the order of coming."""

    __slots__ = ("_ids", "_keys", "_keys_of", "_labels", "_lasts", "_tree")

    def __init__(self) -> None:
        self._keys_of: dict[int, int] = {}
        # Three lists per block, side by side: a tuple per member would cost 80 bytes each.
        self._keys: list[list[int]] = []
        self._ids: list[list[int]] = []
        self._labels: list[list[str]] = []
        # The greatest key of each block.
        self._lasts: list[int] = []
        # Lengths of blocks as a Fenwick tree; the first cell is not used.
        self._tree: list[int] = [0]

    def __len__(self) -> int:
        return len(self._keys_of)

    def __contains__(self, id: int) -> bool:
        return id in self._keys_of

    def __iter__(self) -> Iterator[int]:
        """Ids, first to last. Only while nobody enters or leaves."""
        return chain.from_iterable(self._ids)

    def key(self, id: int) -> int | None:
        """The key of a member; None for others."""
        return self._keys_of.get(id)

    def before(self, id: int) -> int | None:
        """How many members are before this one; None if it is none."""
        key = self._keys_of.get(id)
        if key is None:
            return None
        block, place = self._find(id, key)
        tree = self._tree
        while block:
            place += tree[block]
            block &= block - 1
        return place

    def head(self) -> tuple[int, int] | None:
        """Id and key of the first; None while there is nobody."""
        return (self._ids[0][0], self._keys[0][0]) if self._ids else None

    def first(self, count: int) -> Iterator[tuple[int, str]]:
        """Ids and labels of the first `count`. Only while nobody enters or leaves."""
        return islice(zip(self, chain.from_iterable(self._labels), strict=True), count)

    def extend(self, ids: Sequence[int], keys: Sequence[int], labels: Sequence[str]) -> None:
        """Add many, none of them a member, sorted by key and with keys not below anybody's."""
        for start in range(0, len(ids), _BLOCK):
            block = slice(start, start + _BLOCK)
            self._keys.append(list(keys[block]))
            self._ids.append(list(ids[block]))
            self._labels.append(list(labels[block]))
            self._lasts.append(self._keys[-1][-1])
        self._keys_of.update(zip(ids, keys, strict=True))
        self._count()

    def add(self, id: int, key: int, label: str) -> None:
        """Let somebody enter who is no member."""
        self._keys_of[id] = key
        block = bisect_right(self._lasts, key)
        if block == len(self._lasts):
            if not block or len(self._keys[-1]) >= 2 * _BLOCK:
                # Behind everybody: a full block stays full.
                self._insert_block(block, [key], [id], [label])
                return
            block -= 1
        keys = self._keys[block]
        place = bisect_right(keys, key)
        keys.insert(place, key)
        self._ids[block].insert(place, id)
        self._labels[block].insert(place, label)
        self._lasts[block] = keys[-1]
        if len(keys) > 2 * _BLOCK:
            self._split(block)
        else:
            self._change_length(block, 1)

    def discard(self, id: int) -> bool:
        """Let somebody leave, and say whether it was a member; nothing happens if it was not."""
        key = self._keys_of.pop(id, None)
        if key is None:
            return False
        block, place = self._find(id, key)
        keys = self._keys[block]
        del keys[place], self._ids[block][place], self._labels[block][place]
        if keys:
            self._lasts[block] = keys[-1]
            self._change_length(block, -1)
        else:
            del self._keys[block], self._ids[block], self._labels[block], self._lasts[block]
            self._count()
        return True

    def _find(self, id: int, key: int) -> tuple[int, int]:
        block = bisect_left(self._lasts, key)
        place = bisect_left(self._keys[block], key)
        # The very first unless two have the same key.
        while self._ids[block][place] != id:
            place += 1
            if place == len(self._ids[block]):
                block, place = block + 1, 0
        return block, place

    def _insert_block(self, block: int, keys: list[int], ids: list[int], labels: list[str]) -> None:
        self._keys.insert(block, keys)
        self._ids.insert(block, ids)
        self._labels.insert(block, labels)
        self._lasts.insert(block, keys[-1])
        self._count()

    def _split(self, block: int) -> None:
        keys, ids, labels = self._keys[block], self._ids[block], self._labels[block]
        behind = keys[_BLOCK:], ids[_BLOCK:], labels[_BLOCK:]
        del keys[_BLOCK:], ids[_BLOCK:], labels[_BLOCK:]
        self._lasts[block] = keys[-1]
        self._insert_block(block + 1, *behind)

    def _change_length(self, block: int, by: int) -> None:
        tree, cell = self._tree, block + 1
        while cell < len(tree):
            tree[cell] += by
            cell += cell & -cell

    def _count(self) -> None:
        tree = [0, *map(len, self._keys)]
        for cell in range(1, len(tree)):
            above = cell + (cell & -cell)
            if above < len(tree):
                tree[above] += tree[cell]
        self._tree = tree
