from itertools import chain

import pytest
import torch

from attncourse.data.parallel_text import Batches, ParallelText, read
from attncourse.data.vocabulary import Vocabulary

ENGLISH = ["a dog runs", "a cat", "the dog and the cat sleep", "a bird sings", "the cat runs"]
GERMAN = ["ein hund läuft", "eine katze", "der hund und die katze schlafen", "ein vogel singt", "x"]


@pytest.fixture
def files(tmp_path):
    source, target = tmp_path / "train.de", tmp_path / "train.en"
    source.write_text("\n".join(GERMAN) + "\n", encoding="utf-8")
    target.write_text("\n".join(ENGLISH) + "\n", encoding="utf-8")
    return source, target


def numbered(count, seed=0):
    """Sources of very different lengths; each pair says which it is."""
    lengths = torch.randint(1, 50, (count,), generator=torch.Generator().manual_seed(seed))
    train = [("x" * n, f"{i:03}") for i, n in enumerate(lengths.tolist())]
    return ParallelText.build(train, train)


def test_a_batch_is_padded_at_the_end_and_framed_by_marks():
    task = ParallelText([], [], Vocabulary("ab"), Vocabulary("xyz"))
    batch = task.batch([("ab", "x"), ("a", "xyz")])
    a, b, x, y, z = 4, 5, 4, 5, 6
    pad, sos, eos = Vocabulary.pad, Vocabulary.sos, Vocabulary.eos
    assert batch.source.tolist() == [[a, b], [a, pad]]
    assert batch.mask.tolist() == [[True, True], [True, False]]
    assert batch.target.tolist() == [[sos, x, eos, pad, pad], [sos, x, y, z, eos]]


def test_a_task_is_shown_by_its_sizes():
    task = ParallelText.build([("ab", "x")] * 2_000, [("a", "x")])
    assert repr(task) == "ParallelText(2,000 training pairs, 1 test pairs, 6 → 5 symbols)"


@pytest.mark.parametrize("pairs", [[], [("a", "x"), ("", "x")]])
def test_a_batch_needs_pairs_and_sources(pairs):
    task = ParallelText([], [], Vocabulary("a"), Vocabulary("x"))
    with pytest.raises(ValueError, match="at least one pair"):
        task.batch(pairs)


def served(batches, numbers):
    vocabulary = batches.text.target
    return [[vocabulary.decode(row) for row in batches[i].target.tolist()] for i in numbers]


def test_an_epoch_serves_every_pair_once():
    batches = numbered(60).batches(6)
    first, second = served(batches, range(10)), served(batches, range(10, 20))
    for epoch in (first, second):
        assert sorted(chain(*epoch)) == [f"{i:03}" for i in range(60)]
    assert first != second


def test_a_number_always_means_the_same_batch():
    forwards = served(numbered(60).batches(6, seed=3), range(40))
    batches = numbered(60).batches(6, seed=3)
    order = torch.randperm(40).tolist()
    assert served(batches, order) == [forwards[i] for i in order]
    assert served(numbered(60).batches(6, seed=4), range(40)) != forwards


def test_pairs_that_do_not_fill_a_batch_wait_for_another_epoch():
    batches = numbered(11).batches(4)
    assert batches.per_epoch == 2
    seen = {name for batch in served(batches, range(30)) for name in batch}
    assert seen == {f"{i:03}" for i in range(11)}


def test_pooling_saves_padding():
    def padding(pool):
        batches = numbered(2_000).batches(20, pool=pool)
        masks = [batches[i].mask for i in range(batches.per_epoch)]
        return 1 - sum(mask.sum() for mask in masks) / sum(mask.numel() for mask in masks)

    assert padding(20) < padding(1) / 5


def test_short_and_long_batches_are_mixed():
    batches = numbered(2_000).batches(20, pool=100)
    widths = torch.tensor([float(batches[i].source.shape[1]) for i in range(100)])
    assert torch.corrcoef(torch.stack((torch.arange(100.0), widths)))[0, 1].abs() < 0.3


@pytest.mark.parametrize("options", [{"size": 0}, {"size": 11}, {"size": 2, "pool": 0}])
def test_impossible_batches_are_refused(options):
    with pytest.raises(ValueError, match=r"size must be from 1 to .* 10"):
        Batches(numbered(10), **options)


def test_files_are_read_line_for_line(files):
    task = read(*files, test=2, min_frequency=1)
    pairs = set(zip(GERMAN, ENGLISH, strict=True))
    assert set(task.train) | set(task.test) == pairs
    assert (len(task.train), len(task.test)) == (3, 2)
    for source, target in task.train:
        assert task.source.decode(task.source.encode(source)) == source
        assert task.target.decode(task.target.encode(target)) == target
    assert read(*files, test=2, min_frequency=1) == task


def test_vocabularies_are_limited(files):
    task = read(*files, test=1, min_frequency=2, max_size=6)
    assert len(task.target) <= 6
    assert "bird" not in task.target.symbols


def test_two_languages_may_share_a_vocabulary(files):
    task = read(*files, test=1, min_frequency=1, shared=True)
    assert task.source is task.target
    words = {word for pair in task.train for sentence in pair for word in sentence.split()}
    assert set(task.source.symbols) == words | set(Vocabulary.marks)


def test_different_line_counts_are_refused(files):
    source, target = files
    target.write_text("one line\n")
    with pytest.raises(ValueError, match=r"train\.de has 5, .*train\.en has 1"):
        read(source, target, test=1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"train\.en is empty"),
        (b"a\nb\n\nd\ne\n", r"train\.en, line 3 is empty"),
        ("fünf\n".encode("latin-1") * 5, r"train\.en is not UTF-8 text: byte 1 is wrong"),
    ],
)
def test_unusable_files_are_named(files, content, message):
    source, target = files
    target.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read(source, target, test=1)


@pytest.mark.parametrize("test", [0, 5])
def test_the_test_set_must_leave_pairs_to_train_on(files, test):
    with pytest.raises(ValueError, match="test must leave pairs to train on"):
        read(*files, test=test)
