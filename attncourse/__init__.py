"""Attention mechanisms of deep learning, from Bahdanau's seq2seq to SeaFormer.

The rooms of the house: `attncourse.nn` holds the mechanisms, `attncourse.models` the networks that
carry them, `attncourse.exercises` what the lessons ask. Nothing is imported here, so that
`import attncourse` costs nothing; import the room you need.
"""

__version__ = "0.1.0"
