/** Not served: `tsc` compiles it, so that the types of `iamport.d.ts` keep to what pages write. */
function registerCard(merchantUid: string, customerUid: string): void {
  window.IMP.init("imp00000001");
  window.IMP.request_pay(
    { pay_method: "card", merchant_uid: merchantUid, customer_uid: customerUid, name: "원두", amount: 0 },
    (rsp) => {
      if (rsp.success) location.assign(`/finish?imp_uid=${encodeURIComponent(rsp.imp_uid)}`);
      else alert(`${rsp.error_code} ${rsp.error_msg}`);
    },
  );
}

function refusedByTheCompiler(): void {
  // @ts-expect-error the order number is required
  IMP.request_pay({ name: "원두", amount: 9900 });
  // @ts-expect-error cards only
  IMP.request_pay({ merchant_uid: "order-1", name: "원두", amount: 9900, pay_method: "trans" });
  // @ts-expect-error whole won, not text
  IMP.request_pay({ merchant_uid: "order-1", name: "원두", amount: "9900" });
}

void registerCard;
void refusedByTheCompiler;
