"""A third party's Redfish service (sushy-tools, fake driver) with serial numbers, which its template leaves out.

Run as a process: redfish_emulator.py PORT CERTIFICATE KEY AUTH_FILE SYSTEMS, where SYSTEMS is a JSON list of
{uuid, name, power_state, serial}. Everything but the one added field is the service's own doing.
"""

import json
import ssl
import sys

import flask
from sushy_tools.emulator.main import app


def main(port: str, certificate: str, key: str, auth: str, systems: str) -> None:
    known = json.loads(systems)
    serials = {one["uuid"]: one["serial"] for one in known}
    fakes = [{**one, "external_notifier": False, "nics": []} for one in known]
    app.configure(
        extra_config={
            "SUSHY_EMULATOR_FAKE_DRIVER": True,
            "SUSHY_EMULATOR_FAKE_SYSTEMS": fakes,
            "SUSHY_EMULATOR_AUTH_FILE": auth,
        }
    )

    @app.after_request
    def with_serial(response: flask.Response) -> flask.Response:
        name = flask.request.path.rstrip("/").rpartition("/")[2]
        if name in serials and response.is_json and response.status_code == 200:
            response.set_data(json.dumps({**response.get_json(), "SerialNumber": serials[name]}))
        return response

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    app.run(host="127.0.0.1", port=int(port), ssl_context=context)


if __name__ == "__main__":
    main(*sys.argv[1:])
