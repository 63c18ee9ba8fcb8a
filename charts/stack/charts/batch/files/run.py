# ruff: noqa: INP001 - a script of its own, run in the batch's container
"""Answer one share of a batch: wait until the graph serves the model, ask line by line, write answers down.

Everything comes in as environment variables. The input is OpenAI's form of a batch, JSON lines with
custom_id, method, url and body; so are the two files that are left, of answers and of errors. A line that is
wrong or refused is an error in a file, and no failure. Lines that were answered before, by this index or
another, are not sent again. The exit code is 1 when lines have no answer: the frontend failed them again and
again, the Job was stopped, or the input cannot be read. It is 0 otherwise.
"""

import logging
import os
import shutil
import signal
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import frontend
import lines
from frontend import Answer
from lines import Line
from records import AGAIN, Records

POLL_SECONDS = float(os.environ.get("POLL_SECONDS", "5"))
LONGEST_PAUSE = 60.0
ATTEMPTS = 5
"""How often a line is sent that the frontend fails. One that finds no room is sent until there is."""
TELL_SECONDS = 60.0

log = logging.getLogger("batch")
stopped = threading.Event()


def main() -> int:
    """Return the exit code."""
    # Without this, the first process of a container does not even notice the signal.
    signal.signal(signal.SIGTERM, stop)
    try:
        return work(int(os.environ.get("JOB_COMPLETION_INDEX", "0")), int(os.environ["COMPLETIONS"]))
    except OSError as error:
        log.error("cannot go on: %s", error)  # noqa: TRY400 - a reason, not a fault of the script
        return 1


def work(index: int, count: int) -> int:
    """Answer the lines of one index, and return the exit code.

    Raises:
        OSError: when the input cannot be read, or the answers cannot be written.
    """
    source = fetched(os.environ["INPUT"])
    records = Records(Path(os.environ["OUTPUT"], os.environ.get("RUN", "")), index)
    found = records.found()
    model = wait_for_model(os.environ["MODEL"])
    if model is None:
        log.error("stopped before the graph served a model")
        return 1

    def asked_for() -> Iterator[Line]:
        return lines.read(source, model)

    def todo() -> Iterator[Line]:
        return (line for line in lines.share(asked_for(), index, count) if line.id not in found)

    # The file may be larger than memory, so it is read more than once.
    total, mine = sum(1 for _ in asked_for()), sum(1 for _ in todo())
    if total == 0:
        raise OSError(f"{os.environ['INPUT']} has no lines")
    log.info("index %d of %d: %d of %d lines to ask for", index, count, mine, total)
    share = Share(model, todo(), records)
    share.work(int(os.environ["CONCURRENCY"]))
    log.info("RESULT %s", dict(share.counts))
    if stopped.is_set():
        log.error("stopped: what has no answer is asked for by the next run")
        records.close()
        return 1
    if share.problem or sum(share.counts.values()) < mine:
        raise OSError(share.problem or "a thread ended")
    if records.merge(lambda: (line.id for line in asked_for())):
        log.info("the batch is complete: output.jsonl and errors.jsonl in %s", records.folder)
    return 1 if share.counts[AGAIN] else 0


class Share:
    """The lines that one index asks for."""

    def __init__(self, model: str, todo: Iterator[Line], records: Records) -> None:
        """Take the lines, and where their answers go."""
        self.model, self.records = model, records
        self.counts: Counter[str] = Counter(answered=0, errors=0, unanswered=0)
        self.problem = ""
        """Why no more can be written down; empty while it can."""
        self._todo, self._lock = todo, threading.Lock()

    def work(self, concurrency: int) -> None:
        """Ask for all lines, so many at a time; come back when they are through or the Job is stopped."""
        threads = [threading.Thread(target=self._ask_on, daemon=True) for _ in range(concurrency)]
        for thread in threads:
            thread.start()
        told = time.monotonic()
        while any(thread.is_alive() for thread in threads) and not stopped.wait(POLL_SECONDS / 10):
            if time.monotonic() - told > TELL_SECONDS:
                told = time.monotonic()
                log.info("so far %s", dict(self.counts))

    def _ask_on(self) -> None:
        while not stopped.is_set() and not self.problem:
            try:
                with self._lock:
                    line = next(self._todo, None)
                if line is None:
                    return
                self._settle(line)
            except OSError as error:
                self.problem = str(error)

    def _settle(self, line: Line) -> None:
        """Ask for one line, and write down what became of it."""
        if line.code:
            self._error(line, line.code, line.message)
            return
        answer = asked(line, self.model)
        if answer is None:
            return
        if not answer.final:
            self._error(line, AGAIN, f"line {line.number} had no answer: {answer.said}")
            return
        response = {"status_code": answer.status, "request_id": answer.request_id, "body": answer.body}
        self.records.answer({"id": line.id, "custom_id": line.custom_id, "response": response, "error": None})
        self._count("answered" if answer.status < 400 else "errors")

    def _error(self, line: Line, code: str, message: str) -> None:
        log.warning("%s", message)
        error = {"code": code, "message": message}
        self.records.error({"id": line.id, "custom_id": line.custom_id, "response": None, "error": error})
        self._count(AGAIN if code == AGAIN else "errors")

    def _count(self, word: str) -> None:
        with self._lock:
            self.counts[word] += 1


def asked(line: Line, model: str) -> Answer | None:
    """Return the last answer to a line; None when the Job was stopped before there was one."""
    url, pause, tries = os.environ["URL"], POLL_SECONDS, 0
    while True:
        answer = frontend.ask(url + line.url, line.body, line.id)
        # A frontend whose workers went away knows no such model, though nothing is wrong with the line.
        away = answer.status == 404 and line.body["model"] == model and model not in frontend.models(url)
        tries += not (answer.busy or away)
        if stopped.is_set():
            return answer if answer.final and not away else None
        if (answer.final and not away) or tries == ATTEMPTS:
            return answer
        log.info("line %d again: %s", line.number, answer.said)
        stopped.wait(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
        if wait_for_model(model) is None:
            return None


def wait_for_model(wanted: str) -> str | None:
    """Return the model that is served, once it is; None when the Job is stopped before."""
    said = ""
    while not stopped.is_set():
        listed = frontend.models(os.environ["URL"])
        if listed and (not wanted or wanted in listed):
            return wanted or listed[0]
        now = f"waiting for {wanted or 'a model'}, listed now: {', '.join(listed) or 'none'}"
        if now != said:
            said = now
            log.info("%s", said)
        stopped.wait(POLL_SECONDS)
    return None


def fetched(place: str) -> Path:
    """Return the file of the input; one at an address is fetched first.

    Raises:
        OSError: when it cannot be read.
    """
    if "://" not in place:
        with Path(place).open("rb"):
            return Path(place)
    path = Path(os.environ.get("HOME", "/tmp"), "input.jsonl")
    with urllib.request.urlopen(place, timeout=60) as answer, path.open("wb") as file:
        shutil.copyfileobj(answer, file)
        missing = int(answer.headers.get("Content-Length") or file.tell()) - file.tell()
    if missing:
        raise OSError(f"{place} was cut off, {missing} bytes are missing")
    return path


def stop(_number: int, _frame: FrameType | None) -> None:
    """Begin nothing any more. Requests under way are left to themselves: an answer may take an hour."""
    stopped.set()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    code = main()
    logging.shutdown()
    # Threads that still wait for an answer would keep the process.
    os._exit(code)
