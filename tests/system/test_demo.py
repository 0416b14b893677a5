"""`make demo ONCE=1`, as a newcomer runs it: under a minute, and right."""
import subprocess
import time

from harness import BUILD, ROOT


def test_the_demo_completes_every_transaction_with_the_right_energy():
    start = time.monotonic()
    done = subprocess.run(["python3", str(ROOT / "tools/demo.py"), str(BUILD), "--once"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "Every transaction was completed with the right energy." in done.stdout
    assert time.monotonic() - start < 60
    for words in ("StatusNotification Occupied", "Authorize 04A1B2C3D4E5F6", "RequestStartTransaction", "MeterValuePeriodic",
                  "limit=8 A", "max_current = 8 (ok)", "stop reason"):
        assert words in done.stdout, words
