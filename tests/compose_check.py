"""docker-compose.yml, checked as far as it can be without an engine: shape, links, health checks, broker safety."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parent.parent


def problems(path: Path) -> list[str]:
    """What is wrong, in sentences."""
    compose = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    services = compose.get("services", {})
    found = [f"service {name} is missing" for name in ("nats", "toban", "simulator") if name not in services]
    for name, service in services.items():
        if ("image" in service) == ("build" in service):
            found.append(f"{name}: exactly one of image and build")
        unknown = [other for other in service.get("depends_on", {}) if other not in services]
        found += [f"{name} depends on the unknown service {other}" for other in unknown]
        for volume in service.get("volumes", []):
            source = str(volume).partition(":")[0]
            if not source.startswith((".", "/")) and source not in compose.get("volumes", {}):
                found.append(f"{name} mounts the undeclared volume {source}")
        build = service.get("build")
        if build and not (path.parent / build["context"] / build["dockerfile"]).is_file():
            found.append(f"{name}: {build['dockerfile']} does not exist")
    found += [f"{name} has no health check" for name in ("nats", "toban", "simulator") if _unhealthy(services, name)]
    broker = str(compose.get("configs", {}).get("nats", {}).get("content", ""))
    if not re.search(r"sync_interval:\s*always", broker) or "store_dir" not in broker:
        found.append("the broker must keep files with sync_interval: always")
    return found


def _unhealthy(services: dict[str, dict[str, object]], name: str) -> bool:
    check = services.get(name, {}).get("healthcheck")
    return not isinstance(check, dict) or not check.get("test")


def main() -> int:
    """Print what is wrong; with a compose client at hand let it parse the file too."""
    path = ROOT / "docker-compose.yml"
    found = problems(path)
    if (
        shutil.which("docker")
        and not subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode
    ):
        parsed = subprocess.run(
            ["docker", "compose", "-f", str(path), "config", "--quiet"], capture_output=True, text=True, check=False
        )
        found += [parsed.stderr.strip()] if parsed.returncode else []
        print("docker compose config: parsed")  # noqa: T201  a command's own words
    else:
        print("no docker compose client here: checked by shape only")  # noqa: T201
    for sentence in found:
        print(f"docker-compose.yml: {sentence}")  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
