"""`unswap templates`: which of many originals a suspect video was made from."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from unswap.cli.options import (
    EXIT_ALL_DONE,
    EXIT_SOME_WRONG,
    EXIT_STOPPED,
    UsageError,
    message,
    positive,
)


def add_templates(parser: argparse.ArgumentParser) -> None:
    """The options of `unswap templates`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser(
        "add",
        help="fingerprint videos and add them to an index",
        description="Fingerprints videos and adds them to an index, which is made if need be. Files "
        "that it holds already are left out. Exit code 0: all were read; 3: some could not be; "
        "2: wrong usage; 4: stopped, and the same command goes on from there.",
    )
    add.add_argument("paths", nargs="+", metavar="PATH", help="files, folders, globs")
    _add_index(add)
    _add_time_limit(add)
    listing = actions.add_parser("list", help="the videos of an index")
    _add_index(listing)
    listing.add_argument("--json", action="store_true", help="as JSON")
    compact = actions.add_parser("compact", help="merge an index's segments (adding does it too)")
    _add_index(compact)
    match = actions.add_parser(
        "match",
        help="which of an index's videos a suspect shows, and where",
        description="Says which of an index's videos a suspect shows a stretch of. Exit code 0: all "
        "suspects were answered, 'no match' included; 3: some could not be read, or compared; "
        "2: wrong usage; 4: stopped.",
    )
    match.add_argument("suspects", nargs="+", metavar="SUSPECT", help="files, folders, globs")
    _add_index(match)
    match.add_argument("--top", type=positive, default=5, metavar="N", help="at most (default: 5)")
    match.add_argument("--json", type=Path, metavar="FILE", help="all numbers")
    match.add_argument(
        "--compare", action="store_true", help="compare each suspect with its matches, in full"
    )
    match.add_argument(
        "--report", type=Path, metavar="DIR", help="an HTML report of each comparison, in here"
    )
    _add_time_limit(match)
    parser.set_defaults(run=_templates)


def _add_index(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--index", type=Path, required=True, metavar="DIR", help="a folder")


def _add_time_limit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--time-limit", type=positive, default=600, metavar="SECONDS", help="a video (default: 600)"
    )


def _templates(options: argparse.Namespace) -> int:
    from unswap.datasets.manifests import BadManifest
    from unswap.datasets.perturbations.writing import CannotWrite
    from unswap.experiments.scoring.inputs import NoInput
    from unswap.experiments.templates import command
    from unswap.experiments.templates.types import BadIndex, IndexBusy

    good = True
    try:
        if options.action == "add":
            good = command.add_command(options.paths, options.index, options.time_limit)
        elif options.action == "list":
            command.list_command(options.index, options.json)
        elif options.action == "compact":
            command.compact_command(options.index)
        elif options.action == "match":
            good = _match(options)
        else:
            raise ValueError(f"expected add, list, compact or match, got {options.action!r}")
    except (NoInput, BadManifest, BadIndex, IndexBusy, ValueError) as error:
        raise UsageError(message(error)) from error
    except BrokenPipeError:
        raise  # whoever read the output has gone
    except (CannotWrite, OSError) as error:
        return _stopped(f"{error}; what is in the index is kept. Mend it, and run the same again")
    except KeyboardInterrupt:
        return _stopped("what is in the index is kept; run the same again to go on")
    return EXIT_ALL_DONE if good else EXIT_SOME_WRONG


def _stopped(text: str) -> int:
    print(f"unswap templates: stopped: {text}", file=sys.stderr)
    return EXIT_STOPPED


def _match(options: argparse.Namespace) -> bool:
    """Looks up all suspects; returns whether all could be read (and compared, if asked to)."""
    from unswap.datasets.perturbations.writing import new_file
    from unswap.experiments.scoring.inputs import expand
    from unswap.experiments.templates.command import look_up_command
    from unswap.experiments.templates.index import TemplateIndex

    if options.report and not options.compare:
        raise UsageError("--report is of comparisons: give --compare with it")
    if options.json and not options.json.parent.is_dir():
        raise UsageError(f"--json: there is no folder {options.json.parent}; make it first")
    suspects = [job.path for job in expand(options.suspects, {}).jobs]
    index = TemplateIndex.open(options.index)
    answers = []
    good = True
    for suspect in suspects:
        answer, matches = look_up_command(index, suspect, options.top, options.time_limit)
        good = good and answer["status"] != "unreadable"
        if options.compare:
            compared = [_compare(m.template.path, suspect, options.report) for m in matches]
            answer["comparisons"] = compared
            good = good and all("error" not in c for c in compared)
        answers.append(answer)
    if options.json:
        record = {"index": str(options.index), "num_templates": len(index), "suspects": answers}
        with new_file(options.json, overwrite=True) as file:
            file.write(json.dumps(record, indent=1, allow_nan=False).encode())
    return good


def _compare(template: str, suspect: str, report: Path | None) -> dict[str, Any]:
    """Compares a suspect with one template and prints the findings."""
    from unswap.cli.comparing import write_outputs
    from unswap.datasets.types import UnreadableVideo
    from unswap.experiments.comparison.compare import compare

    print(f"  compared with {template}")
    try:
        result = compare(template, suspect)
        print(f"    {result.status}: {result.reason}")
        for finding in result.findings:
            print(f"    ({finding.key}) {finding.title}: {finding.verdict}")
        write_outputs(result, report, None)
    except UnreadableVideo as error:  # templates may have moved since they were indexed
        print(f"    can't be compared: {error}", file=sys.stderr)
        return {"template": template, "error": str(error)}
    return {"template": template, **result.to_dict()}
