"""How alike two sentences are: by a sentence encoder that is on this machine, else by TF-IDF."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

TF_IDF = "tf-idf"

Rows = npt.NDArray[np.float64]


def similarities(query: str, texts: Sequence[str], encoder: str) -> tuple[list[float], str]:
    """Cosine similarity of `query` with each of `texts`, and what told it.

    Args:
        query: A sentence.
        texts: Others.
        encoder: Name or folder of a sentence-transformers model. It is never fetched: where it is not on this machine,
            or the package is not installed, the words themselves are compared.
    """
    model = _encoder(encoder)
    vectors = _words([query, *texts]) if model is None else _encoded(model, [query, *texts])
    return [float(value) for value in vectors[1:] @ vectors[0]], TF_IDF if model is None else encoder


def _encoder(name: str) -> Any:
    """The encoder; None where it cannot be had here."""
    if not name or importlib.util.find_spec("sentence_transformers") is None:
        return None
    try:
        from sentence_transformers import SentenceTransformer

        chatter: Any = importlib.import_module("transformers.utils.logging")
        chatter.disable_progress_bar()
        return SentenceTransformer(name, device="cpu", local_files_only=True)
    except (ImportError, OSError, ValueError):
        return None


def _encoded(model: Any, texts: Sequence[str]) -> Rows:
    found = model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
    return np.asarray(found, np.float64)


def _words(texts: Sequence[str]) -> Rows:
    """Rows of unit length over words and pairs of words."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    table = TfidfVectorizer(ngram_range=(1, 2), stop_words="english", sublinear_tf=True).fit_transform(texts)
    return np.asarray(table.toarray(), np.float64)
