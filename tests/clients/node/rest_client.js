// npm `iamport-rest-client-nodejs` as published, through its billing life. Prints what it was given.
// Called with: base URL, key, secret, customer_uid, imp_uid of a payment to cancel.
"use strict";

const { Iamport, Request } = require("iamport-rest-client-nodejs");

const [baseUrl, apiKey, apiSecret, customerUid] = process.argv.slice(2);
const iamport = new Iamport({ apiKey, apiSecret, baseUrl });
const told = {};

async function ask(name, request) {
  try {
    told[name] = (await request.request(iamport)).data;
  } catch (error) {
    told[name] = error.response
      ? { http: error.response.status, ...error.response.data }
      : { refused: error };
  }
  return told[name].response;
}

async function live() {
  const { Subscribe, Customers, Payments, Prepare, Cards, Banks } = Request;
  await ask("card", Customers.getBillingKey({ customer_uid: customerUid }));
  await ask("cards", Customers.getBillingKeys({ customer_uid: [customerUid] }));
  const order = { customer_uid: customerUid, merchant_uid: "node-1", amount: 9900, name: "구독" };
  const paid = await ask("again", Subscribe.again(order));
  await ask("again_twice", Subscribe.again(order));
  await ask("again_nobody", Subscribe.again({ ...order, customer_uid: "no", merchant_uid: "n-2" }));
  await ask("by_order", Payments.getByMerchantUid({ merchant_uid: "node-1" }));
  await ask("by_ids", Payments.getByImpUids({ imp_uid: [paid.imp_uid] }));
  await ask("by_status", Payments.getByStatus({ payment_status: "paid" }));
  await ask("of_card", Customers.getPayments({ customer_uid: customerUid }));
  await ask("part", Payments.cancel({ imp_uid: paid.imp_uid, amount: 900, checksum: 9900 }));
  await ask("rest", Payments.cancel({ imp_uid: paid.imp_uid }));
  await ask("too_late", Payments.cancel({ imp_uid: paid.imp_uid }));
  await ask("unknown", Payments.getByImpUid({ imp_uid: "imp_000000000000" }));
  await ask("prepare", Prepare.postAmount({ merchant_uid: "node-9", amount: 100 }));
  await ask("prepared", Prepare.getAmount({ merchant_uid: "node-9" }));
  await ask("bank", Banks.getBank({ code: "004" }));
  await ask("card_code", Cards.getCard({ code: "366" }));
  const at = Math.floor(Date.now() / 1000) + 1000;
  const item = (n) => ({ merchant_uid: `node-s${n}`, schedule_at: at + n, amount: 9900, name: "구독" });
  await ask("scheduled", Subscribe.schedule({ customer_uid: customerUid, schedules: [item(1), item(2)] }));
  await ask("booked_nobody", Subscribe.schedule({ customer_uid: "no", schedules: [item(3)] }));
  await ask("booked_one", Subscribe.getScheduled({ merchant_uid: "node-s1" }));
  const range = { customer_uid: customerUid, from: at, to: at + 9, "schedule-status": "scheduled" };
  await ask("booked_list", Subscribe.getScheduleds(range));
  await ask("booked_of_card", Customers.getScheduleds(range));
  await ask("revoked", Subscribe.unschedule({ customer_uid: customerUid, merchant_uid: "node-s1" }));
  await ask("revoked_rest", Subscribe.unschedule({ customer_uid: customerUid }));
  await ask("revoked_none", Subscribe.unschedule({ customer_uid: customerUid }));
  await ask("removed", Customers.deleteBillingKey({ customer_uid: customerUid }));
  await ask("gone", Customers.getBillingKey({ customer_uid: customerUid }));
}

live().then(() => console.log(JSON.stringify(told)));
