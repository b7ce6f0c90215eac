"""Reads a site without pause while somebody else builds and sweeps it: one python-tuf client keeps
its cache, another starts empty each time. What a client finds it must be able to download. Runs
until standard input ends; prints one JSON line with what was done and every error.

usage: churn.py SITE WORK
"""

import json
import pathlib
import random
import shutil
import sys
import threading
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import ngclient


def read_loop(site, base, work, keep, stop, result):
    rng = random.Random(str(work))
    while not stop.is_set():
        if not keep:
            shutil.rmtree(work, ignore_errors=True)
        try:
            client = ngclient.updater(base, work, site)
            client.refresh()
            result["refreshes"] += 1
            for number in rng.sample(range(40), 4):
                info = client.get_targetinfo(f"packages/p{number}/p{number}-1.0-py3-none-any.whl")
                if info is None:
                    result["not_there"] += 1
                    continue
                client.download_target(info, str(work / "downloads" / "file"))
                result["downloads"] += 1
        except Exception:
            result["errors"].append(traceback.format_exc())


def main():
    site, work = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    base = ngclient.serve(site)
    stop = threading.Event()
    results, threads = {}, []
    for name, keep in (("warm", True), ("cold", False)):
        results[name] = {"refreshes": 0, "downloads": 0, "not_there": 0, "errors": []}
        arguments = (site, base, work / name, keep, stop, results[name])
        threads.append(threading.Thread(target=read_loop, args=arguments))
        threads[-1].start()
    print("ready", flush=True)
    sys.stdin.read()
    stop.set()
    for thread in threads:
        thread.join()
    print(json.dumps(results))


if __name__ == "__main__":
    main()
