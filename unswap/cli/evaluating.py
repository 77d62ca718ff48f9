"""`unswap evaluate`, `unswap rank`, `unswap seal`, `unswap benchmark`."""

import argparse
import datetime
import sys
from pathlib import Path

from unswap import __version__
from unswap.cli.options import (
    EXIT_ALL_DONE,
    EXIT_SOME_WRONG,
    EXIT_STOPPED,
    UsageError,
    add_roots,
    message,
    not_negative,
    positive,
    roots,
)


def add_evaluate(parser: argparse.ArgumentParser) -> None:
    """The options of `unswap evaluate`."""
    parser.add_argument(
        "scores", nargs=1, type=Path, metavar="SCORES", help=".parquet, .csv, .json"
    )
    _add_common(parser)
    parser.set_defaults(run=_evaluate)


def add_rank(parser: argparse.ArgumentParser) -> None:
    """The options of `unswap rank`."""
    parser.add_argument(
        "scores", nargs="+", type=Path, metavar="SCORES", help="a table of scores each"
    )
    _add_common(parser)
    parser.set_defaults(run=_rank)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--manifest",
        type=Path,
        required=True,
        metavar="M",
        help="what each video is; or a sealed set",
    )
    parser.add_argument("--split", metavar="NAME", help="the manifest's videos of this split only")
    parser.add_argument("--dev-split", metavar="NAME", help="freeze thresholds on this split")
    parser.add_argument(
        "--dev-scores",
        type=Path,
        action="append",
        default=[],
        metavar="F",
        help="freeze thresholds on these scores",
    )
    parser.add_argument(
        "--dev-manifest", type=Path, metavar="M", help="of --dev-scores (default: --manifest)"
    )
    parser.add_argument(
        "--threshold",
        action="append",
        default=[],
        metavar="RULE",
        help="value=0.5, or found on development scores: fpr=0.01, tpr=0.9, eer",
    )
    parser.add_argument(
        "--oracle",
        action="store_true",
        help="without development scores, find thresholds on the test set; marked wherever it shows",
    )
    parser.add_argument(
        "--policy",
        action="append",
        default=[],
        metavar="STATUS=RULE",
        help="what a failure counts as: no_face=real, refused=fake, all=wrong (real, fake, wrong, "
        "left_out)",
    )
    parser.add_argument(
        "--slice",
        action="append",
        default=[],
        metavar="COLUMN[=EDGES]",
        help="default: method, kind, compression, and what is measured; face_size=64,128",
    )
    parser.add_argument(
        "--min-slice",
        type=positive,
        default=20,
        metavar="N",
        help="slices with fewer videos of a class are not measured (default: 20)",
    )
    parser.add_argument(
        "--measurements", type=Path, metavar="F", help="further columns by video_id, for slices"
    )
    parser.add_argument(
        "--other-manifest",
        action="store_true",
        help="take scores that were made from a manifest of another hash",
    )
    parser.add_argument("--key", type=Path, metavar="FILE", help="of a sealed set")
    parser.add_argument("--note", default="", metavar="TEXT", help="what for; goes into the ledger")
    parser.add_argument(
        "--by",
        choices=["answered", "wrong", "policy"],
        default="wrong",
        help="what failures count as in the ranking (default: wrong)",
    )
    parser.add_argument(
        "--prevalence",
        type=float,
        action="append",
        default=[],
        metavar="SHARE",
        help="of manipulated videos in use, for the load on review (default: .1, .01, .001)",
    )
    parser.add_argument("--seed", type=not_negative, default=0, metavar="N")
    parser.add_argument(
        "--resamples", type=positive, default=2000, metavar="N", help="default: 2000"
    )
    parser.add_argument(
        "--name",
        action="append",
        default=[],
        metavar="NAME",
        help="what a table's detector is called; once for each table, in their order",
    )
    parser.add_argument("--title", metavar="TEXT", help="of the report")
    parser.add_argument("--json", type=Path, metavar="FILE", help="every figure")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="a row a figure")
    parser.add_argument("--latex", type=Path, metavar="FILE", help="a table for a paper")
    parser.add_argument(
        "--deepfakebench",
        type=Path,
        metavar="FILE",
        help="DeepfakeBench's results dictionary, JSON",
    )
    parser.add_argument("--report", type=Path, metavar="DIR", help="an HTML report, in here")


def add_seal(parser: argparse.ArgumentParser) -> None:
    """The options of `unswap seal`."""
    parser.add_argument("manifest", type=Path, metavar="MANIFEST", help=".parquet or .csv")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the sealed set")
    parser.add_argument("--key", type=Path, required=True, metavar="FILE", help="is made; keep it")
    parser.add_argument("--note", default="", metavar="TEXT", help="what it is; readable by all")
    add_roots(parser)
    parser.set_defaults(run=_seal)


def add_benchmark(parser: argparse.ArgumentParser) -> None:
    """The options of `unswap benchmark`."""
    parser.add_argument("protocol", type=Path, metavar="PROTOCOL.yaml")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="scores and results")
    parser.add_argument("--resume", action="store_true", help="go on with what lies in --out")
    parser.add_argument(
        "--consent-upload", action="store_true", help="videos may be sent to the services named"
    )
    parser.add_argument("--dry-run", action="store_true", help="check the protocol, show the plan")
    parser.set_defaults(run=_benchmark)


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _evaluate(options: argparse.Namespace) -> int:
    from unswap.datasets.manifests import BadManifest
    from unswap.experiments.evaluation.command import evaluate_command
    from unswap.experiments.evaluation.score_tables import BadScores
    from unswap.experiments.evaluation.sealing import BadSeal

    try:
        evaluate_command(options, __version__, _now())
    except (BadScores, BadManifest, BadSeal, KeyError, ValueError) as error:
        raise UsageError(message(error)) from error
    except BrokenPipeError:
        raise
    except OSError as error:
        return _unwritten("evaluate", error)
    return EXIT_ALL_DONE


def _rank(options: argparse.Namespace) -> int:
    return _evaluate(options)


def _seal(options: argparse.Namespace) -> int:
    from unswap.datasets.manifests import BadManifest
    from unswap.experiments.evaluation.command import seal_command
    from unswap.experiments.evaluation.sealing import BadSeal

    try:
        seal_command(options, roots(options.root), _now())
    except (BadSeal, BadManifest) as error:
        raise UsageError(message(error)) from error
    except OSError as error:
        return _unwritten("seal", error)
    return EXIT_ALL_DONE


def _benchmark(options: argparse.Namespace) -> int:
    from unswap.datasets.manifests import BadManifest
    from unswap.experiments.evaluation.protocol import BadProtocol
    from unswap.experiments.evaluation.run_protocol import Stopped, benchmark_command
    from unswap.experiments.evaluation.score_tables import BadScores

    try:
        good = benchmark_command(options, __version__, _now())
    except (BadProtocol, BadScores, BadManifest, KeyError, ValueError) as error:
        raise UsageError(message(error)) from error
    except Stopped as error:
        print(f"unswap benchmark: stopped: {error}", file=sys.stderr)
        return EXIT_STOPPED
    except OSError as error:
        return _unwritten("benchmark", error)
    return EXIT_ALL_DONE if good else EXIT_SOME_WRONG


def _unwritten(command: str, error: OSError) -> int:
    name = f"{error.filename}: " if error.filename else ""
    print(f"unswap {command}: {name}{error.strerror or error}", file=sys.stderr)
    return EXIT_STOPPED
