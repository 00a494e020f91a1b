"""No secret is in a log at `debug`, in an answer or in a row (B2, B3, I1).

The test covers failures, too, because a log line says most when something fails.
"""

import re

from console.http_browser import ConsoleUser, new_browser
from dasi.one_time_links import bootstrap_link
from support.database_dump import database_text
from support.gateway_merchant import PG_SECRET, VAULT_KEY
from support.gateway_process import running_programs
from support.simulator_process import SimulatorControl
from support.webhook_endpoint import receiving

CARD_NUMBER = "4092023012341234"


async def test_no_secret_is_in_logs_answers_or_rows(
    database_url: str, kicc: SimulatorControl
) -> None:
    async with (
        receiving() as endpoint,
        running_programs(database_url, kicc, webhook_url=endpoint.url, DASI_LOG_LEVEL="debug") as (
            client,
            programs,
        ),
    ):
        await client.register_card("card-1", buyer_name="홍길동")
        token = await client.token()
        answers = [await client.again(merchant_uid="paid"), await client.again(amount=8_521)]
        await client.pay_in_window(merchant_uid="window")
        for effect in ("executed_answer_cut", "executed_html", "executed_wrong_signature"):
            await kicc.scenario(effect, "batch")
            answers.append(await client.again(merchant_uid=effect))
        answers.append(await client.get("/payments/find/paid"))
        answers.append(await client.get("/subscribe/customers/card-1"))
        await client.call("GET", f"/payments/find/paid?_token={token}", headers={})
        await client.call("GET", "/payments/find/paid", headers={"Authorization": "Bearer wrong"})
        card = {"card_number": CARD_NUMBER, "cvc": "737", "customer_uid": "card-1"}
        answers.append(await client.call("POST", "/subscribe/payments/onetime", json=card))
        answers.append(await client.call("POST", "/subscribe/customers/card-1", data=card))
        answers.append(await client.again(**card, merchant_uid="with-a-card"))
        cut = f'{{"card_number": "{CARD_NUMBER}"'
        json_kind = {"Authorization": token, "Content-Type": "application/json"}
        path = "/subscribe/payments/again"
        answers.append(await client.call("POST", path, data=cut, headers=json_kind))
        link = str(await bootstrap_link(client.engine))
        async with new_browser() as http:
            status, page = await ConsoleUser(client, http).open_link(link)
            assert (status, "소유자 계정 만들기" in page) == (200, True)
        await endpoint.until(3)
        keys = [key["batchKey"] for key in (await kicc.state())["keys"]]
        dump = await database_text(client.engine.database)
        await programs.stop()

    assert len(keys) == 1
    secrets = {
        "billing key": keys[0],
        "api secret": client.key.api_secret,
        "access token": token,
        "PG secret": PG_SECRET,
        "vault key": VAULT_KEY,
        "card number": CARD_NUMBER,
        "one-time link": link.partition("#")[2],
    }
    answer_text = "".join(answer.body.decode() for answer in answers)
    answer_text += "".join(post.body.decode() for post in endpoint.posts)
    assert "kicc_request" in programs.log, "the PG's requests were logged"
    assert re.search(r"GET /payments/find/paid", programs.log), "every request was logged"
    for name, secret in secrets.items():
        assert secret not in programs.log, f"the {name} is in a log"
        assert secret not in answer_text, f"the {name} was answered"
        assert secret not in dump, f"the {name} is in the database as it is"
    assert "Traceback" not in programs.log
