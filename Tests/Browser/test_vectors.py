"""C7: the script that helps while typing reads every published vector as the other implementations do."""

import json
import pathlib

VECTORS = json.loads((pathlib.Path(__file__).parents[2] / "docs" / "recovery-code-vectors.json").read_text())


def test_c7_the_browser_reads_every_vector(server, browser):
    page = browser.new_page()
    page.goto(server.url + "/recover/code")
    readings = VECTORS["readings"]
    assert len(readings) > 100
    results = page.evaluate(
        """async texts => {
            const { read } = await import("/assets/recovery-code.js");
            return texts.map(text => JSON.parse(JSON.stringify(read(text))));
        }""", [vector["text"] for vector in readings])
    for vector, result in zip(readings, results, strict=True):
        assert result == vector["reading"], vector
    page.close()
