"""The demo shop with a real gateway, PostgreSQL and the KICC simulator."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from dasi.app import create_app, open_engine
from dasi.channels import add_channel
from dasi.demo.headless_payer import pay_in_window
from dasi.foundation import vault
from dasi.merchants import add_api_key, add_merchant
from dasi.settings import read_settings
from dasi.webhooks import Deliverer
from dasi_demo.pages import Settings
from support.browser_customer import Customer, running_shop
from support.served_app import address_of, free_socket, served
from support.simulator_process import SimulatorProcess

CODE, API_KEY, API_SECRET = "imp00000001", "shop", "shop-secret"


@dataclass
class E2eShop:
    """The customer, the gateway and KICC of one demo shop."""

    customer: Customer
    gateway_url: str
    kicc: SimulatorProcess
    deliverer: Deliverer

    async def subscribe(self) -> str:
        """Choose a plan, register a card, and return the page that the customer sees then."""
        request = await self.customer.order("morning") | {"buyer_tel": "010-0000-0000"}
        rsp = await pay_in_window(
            self.customer.session,
            gateway_url=self.gateway_url,
            merchant_code=CODE,
            param=request,
            page_url=f"{self.customer.url}/",
        )
        assert rsp["success"], rsp
        params = {"imp_uid": rsp["imp_uid"], "merchant_uid": rsp["merchant_uid"]}
        return await self.customer.see("/finish", **params)

    async def charges_at_kicc(self) -> list[int]:
        """The amounts that KICC has charged."""
        transactions = (await self.kicc.state())["transactions"]
        return [transaction["amount"] for transaction in transactions if transaction["amount"]]


@asynccontextmanager
async def open_e2e_shop(database_url: str) -> AsyncIterator[E2eShop]:
    gateway_socket, shop_socket = free_socket(), free_socket()
    gateway_url, shop_url = address_of(gateway_socket), address_of(shop_socket)
    async with SimulatorProcess() as kicc:
        settings = read_settings(
            {
                "DASI_DATABASE_URL": database_url,
                "DASI_VAULT_KEYS": vault.new_key(),
                "DASI_PUBLIC_URL": gateway_url,
                "DASI_KICC_SANDBOX_URL": kicc.base_url,
                "DASI_INLINE_LOOKUP_DELAY_S": "0",  # only a test resolves an attempt
                "DASI_ALLOW_LOCAL_WEBHOOKS": "on",
            }
        )
        async with open_engine(settings) as engine:
            merchant = await add_merchant(
                engine, code=CODE, name="다시 커피", webhook_url=f"{shop_url}/webhook"
            )
            await add_api_key(engine, merchant, api_key=API_KEY, api_secret=API_SECRET)
            await add_channel(
                engine,
                merchant,
                provider="kicc",
                pg_merchant_id="T0021766",
                secret="easypay!KICCTEST",
                is_sandbox=True,
                is_default=True,
            )
            shop = Settings(
                gateway_url=gateway_url,
                merchant_code=CODE,
                api_key=API_KEY,
                api_secret=API_SECRET,
                pg=None,
            )
            deliverer = Deliverer(engine, allow_local=True)
            async with (
                served(create_app(engine, settings), gateway_socket),
                running_shop(shop, shop_socket) as customer,
            ):
                yield E2eShop(customer, gateway_url, kicc, deliverer)
            await deliverer.close()
