"""Delete a billing key (§8.5). Past transactions stay cancellable."""

from kicc_simulator.ledger.bank import Bank
from kicc_simulator.ledger.malls import Mall
from kicc_simulator.operations.approve import active_key
from kicc_wire import codes
from kicc_wire.messages import RemoveKeyAnswer, RemoveKeyRequest


def remove_key(bank: Bank, mall: Mall, request: RemoveKeyRequest) -> RemoveKeyAnswer:
    """Remove a billing key; a charge of it is refused from now on."""
    key = active_key(bank, mall, request.batch_key)
    key.removed_at = bank.clock.stamp()
    return RemoveKeyAnswer(
        res_cd=codes.RESULT_OK,
        res_msg=codes.MESSAGE_OK,
        mall_id=mall.mall_id,
        shop_transaction_id=request.shop_transaction_id,
        remove_req_date=request.remove_req_date,
    )
