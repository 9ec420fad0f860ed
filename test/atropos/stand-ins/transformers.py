"""Stands in for transformers: Atropos' SDK loads a tokenizer at construction, and decodes for its log."""


class AutoTokenizer:
    @classmethod
    def from_pretrained(cls, *_args, **_options):
        return cls()

    def encode(self, text, **_options):
        return [ord(letter) for letter in text]

    def decode(self, ids, **_options):
        return "".join(chr(token) for token in ids)


class PreTrainedTokenizer(AutoTokenizer):
    pass
