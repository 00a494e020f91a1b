// npm `iamporter` as published, through its billing life. Prints what it resolved or rejected with.
// Called with: host, key, secret, customer_uid.
"use strict";

const { Iamporter } = require("iamporter");

const [host, apiKey, secret, customerUid] = process.argv.slice(2);
const iamporter = new Iamporter({ apiKey, secret, host });
const told = {};

async function ask(name, promise) {
  try {
    told[name] = { resolved: await promise };
  } catch (error) {
    told[name] = { rejected: error.message, status: error.status, code: error.raw && error.raw.code };
  }
  return told[name];
}

async function live() {
  await ask("token", iamporter.getToken());
  await ask("card", iamporter.getSubscription(customerUid));
  const order = { customer_uid: customerUid, merchant_uid: "iamporter-1", amount: 9900 };
  const paid = await ask("again", iamporter.paySubscription(order));
  await ask("again_twice", iamporter.paySubscription(order));
  await ask("again_nobody", iamporter.paySubscription({ ...order, customer_uid: "no", merchant_uid: "2" }));
  await ask("by_id", iamporter.findByImpUid(paid.resolved.data.imp_uid));
  await ask("by_order", iamporter.findByMerchantUid("iamporter-1"));
  await ask("all_of_order", iamporter.findAllByMerchantUid("iamporter-1"));
  await ask("all_paid", iamporter.findAllByStatus("paid"));
  await ask("bad_status", iamporter.findAllByStatus("wrong"));
  await ask("unknown", iamporter.findByImpUid("imp_000000000000"));
  await ask("prepare", iamporter.createPreparedPayment({ merchant_uid: "iamporter-9", amount: 100 }));
  await ask("prepared", iamporter.getPreparedPayment("iamporter-9"));
  await ask("not_prepared", iamporter.getPreparedPayment("nobody"));
  await ask("cancel_nothing", iamporter.cancel({}));
  await ask("cancelled", iamporter.cancelByMerchantUid("iamporter-1", { reason: "고객 변심" }));
  await ask("cancelled_twice", iamporter.cancelByMerchantUid("iamporter-1"));
  const card = { card_number: "1234-1234-1234-1234", expiry: "2030-01", birth: "880101" };
  await ask("onetime", iamporter.payOnetime({ ...card, merchant_uid: "3", amount: 1000 }));
  await ask("key_by_card", iamporter.createSubscription({ ...card, customer_uid: "x", pwd_2digit: "00" }));
  await ask("certification", iamporter.getCertification("imp_1"));
  await ask("removed", iamporter.deleteSubscription(customerUid));
  await ask("gone", iamporter.getSubscription(customerUid));
}

live().then(() => console.log(JSON.stringify(told)));
