"""What the same calls cost without a platform: python -m bench.bare_loop --base-url http://127.0.0.1:9999/v1

One asyncio loop over the official SDK that stores nothing. It tells how fast the machine is at this moment, so that
figures of two days or two machines can be compared. Prints one line of JSON: seconds, and CPU milliseconds a call.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time

from openai import AsyncOpenAI


async def spend(base_url: str, calls: int, concurrency: int) -> dict[str, float]:
    """Make `calls` calls, at most `concurrency` at a time, after as many to warm up."""
    slots = asyncio.Semaphore(concurrency)

    async with AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0) as client:

        async def one(number: int) -> None:
            async with slots:
                await client.chat.completions.create(
                    model="bench-model",
                    messages=[
                        {"role": "system", "content": "You repeat what you are told."},
                        {"role": "user", "content": f"question {number}"},
                    ],
                    max_tokens=20,
                )

        await asyncio.gather(*map(one, range(concurrency)))
        started_at, used = time.perf_counter(), time.process_time()
        await asyncio.gather(*map(one, range(calls)))
        return {
            "wall_s": time.perf_counter() - started_at,
            "cpu_ms": 1000 * (time.process_time() - used) / calls,
        }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, default=50)
    options = parser.parse_args()
    print(json.dumps(asyncio.run(spend(options.base_url, options.calls, options.concurrency))))


if __name__ == "__main__":
    main()
