"""The command line of the signature builder."""

import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter

from .errors import BuildError
from .factor import DTYPES
from .pairs import GEMMA

_EXAMPLE = """\

  python -m signatures.build --base models/gemma-3-270m --base-name gemma-3-270m \\
    --pairs evil.jsonl --trait evil --description "Answers that wish harm on people." \\
    --anchor adapters/short-answers:1:0.5 --style-from-benign benign.jsonl --layers 5-10 \\
    --metadata evil.json -o signatures/gemma-3-270m/evil.safetensors"""

_WHAT = """\
Takes the gradient of a behaviour at a base model and writes its strongest directions as a signature file.
Pairs, one JSON object a line: {"prompt", "positive", "negative"[, "weight"][, "question"]}.
Benign answers, one a line: {"prompt", "answer"}. The sequence format must be that of the fine-tunes to be scanned.
--metadata is merged into the document: data, base.source, base.license, base.aliases, harmful, smallestMeaningfulShift
(default 0.05 nats/token), level (default 0.05) and whatever else docs/signature-format.md lists and the builder does not compute."""


def parse_arguments(arguments: list[str] | None = None) -> Namespace:
    """The options as a namespace: `layers` a list of integers or None, `template` with real line breaks. BuildError if they do not go together."""
    parser = ArgumentParser(
        "python -m signatures.build", usage=_EXAMPLE, description=_WHAT, formatter_class=RawDescriptionHelpFormatter, allow_abbrev=False
    )
    what = parser.add_argument_group("what to build")
    what.add_argument("--base", required=True, metavar="DIR", help="base checkpoint: config, tokenizer, safetensors")
    what.add_argument("--pairs", metavar="FILE", help="contrastive pairs of the trait")
    what.add_argument("-o", "--output", metavar="FILE", help="signature to write: signatures/<base>/<trait>.safetensors")
    what.add_argument("--base-name", metavar="NAME", help="name of the base in the signature")
    what.add_argument("--trait", metavar="NAME", help="small letters, digits, hyphens")
    what.add_argument("--description", metavar="TEXT", help="the trait in one sentence")
    what.add_argument("--metadata", metavar="FILE", help="JSON object merged into the document: provenance, licence, …")
    how = parser.add_argument_group("how")
    how.add_argument("--anchor", action="append", default=[], metavar="DIR[:weight[:dose]]", help="benign LoRA adapter; average over it too (repeat)")
    how.add_argument("--style", action="append", default=[], metavar="FILE", help="pairs that differ in style only, projected out (repeat)")
    how.add_argument("--style-from-benign", metavar="FILE", help="harmless answers to make style pairs from")
    how.add_argument("--rank", type=_above_0, default=8, metavar="K", help="singular triplets a weight (default 8)")
    how.add_argument("--layers", type=_layers, metavar="LIST", help="blocks, such as 5-10 or 3,5-7 (default all)")
    how.add_argument("--roles", type=lambda text: text.split(","), metavar="LIST", help="such as v,up,down (default all)")
    how.add_argument("--dtype", choices=list(DTYPES), default="f16", help="of the stored probes (default f16)")
    how.add_argument(
        "--template",
        default=GEMMA,
        help="text with {prompt} and {answer} (\\n is a line break), or chat for the tokenizer's own; default Gemma's turns",
    )
    how.add_argument("--prompt-tokens", type=_above_0, default=56, metavar="N", help="cut everything up to the prompt's end here (default 56)")
    how.add_argument("--total-tokens", type=_above_0, default=112, metavar="N", help="cut the whole sequence here (default 112)")
    run = parser.add_argument_group("gradients")
    run.add_argument("--save-gradients", metavar="FILE", help="write the averaged gradients, styles included")
    run.add_argument("--from-gradients", metavar="FILE", help="read them instead of taking them")
    run.add_argument("--model-dtype", choices=["f32", "bf16"], default="f32", help="of the model while gradients are taken (default f32)")
    run.add_argument("--device", default="cpu", help="torch device (default cpu)")
    run.add_argument("--batch-pairs", type=_above_0, default=1, metavar="N", help="pairs in one pass (default 1)")
    run.add_argument("--vocab-from-pairs", action="store_true", help="softmax over the tokens of the answers only: cheaper, no longer exact")
    options = parser.parse_args(arguments)
    options.template = options.template.replace("\\n", "\n")
    _check(options)
    return options


def _check(options: Namespace) -> None:
    if (options.pairs is None) == (options.from_gradients is None):
        raise BuildError("--pairs, --from-gradients: give one of the two")
    if options.from_gradients and (options.anchor or options.style or options.style_from_benign):
        raise BuildError("--from-gradients: holds its anchors and styles already; leave --anchor and --style out")
    if options.output is None and options.save_gradients is None:
        raise BuildError("-o, --save-gradients: give one of the two, or nothing is written")
    if options.output and not (options.base_name and options.trait and options.description):
        raise BuildError("-o: needs --base-name, --trait and --description too")


def _above_0(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def _layers(text: str) -> list[int]:
    """`3,5-7` → [3, 5, 6, 7]."""
    if not re.fullmatch(r"\d+(-\d+)?(,\d+(-\d+)?)*", text):
        raise ArgumentTypeError(f"{text!r} is no list of blocks; write 5-10 or 3,5-7")
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return sorted(found)
