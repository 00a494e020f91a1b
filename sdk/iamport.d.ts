/**
 * Types of the browser SDK of dasi for pages in TypeScript: the global `IMP` of `imp.js`.
 *
 * Copy this file into your project, or name it in `include` of your `tsconfig.json`.
 * docs/reference/sdk.md explains each parameter and each error code.
 */

declare namespace Iamport {
  /** Months of instalments to offer, or the cards to show. */
  interface CardOptions {
    direct?: { code: string; quota?: number | string };
    detail?: { card_code: string; enabled: boolean }[];
  }

  interface RequestPayParams {
    /** The order number: at most 40 characters, used once. */
    merchant_uid: string | number;
    /** At most 40 characters; the payer sees it. */
    name: string;
    /** Whole won. With `customer_uid` it is shown and not charged, and may be 0. */
    amount: number;
    /** With it the window registers a card; without it the window takes a payment. */
    customer_uid?: string;
    /** Only cards. */
    pay_method?: "card";
    /** `kicc`, `kicc.<MID>`, or nothing for the default channel. */
    pg?: string;
    /** The key of one channel; replaces `pg`. */
    channelKey?: string;
    customer_id?: string;
    buyer_name?: string;
    buyer_email?: string;
    /** KICC's window needs it. */
    buyer_tel?: string;
    buyer_addr?: string;
    buyer_postcode?: string;
    /** At most 16 KiB as JSON. */
    custom_data?: unknown;
    notice_url?: string | string[];
    /** Where a phone returns. Without it the payer ends on the gateway's page. */
    m_redirect_url?: string;
    app_scheme?: string;
    /** The tax-free part of `amount`, in won. */
    tax_free?: number;
    display?: { card_quota?: number[] };
    language?: string;
    currency?: "KRW";
    confirm_url?: string;
    card?: CardOptions;
  }

  interface Success {
    success: true;
    imp_uid: string;
    merchant_uid: string;
    /** `cancelled` if the payment was cancelled before the page asked. */
    status: "paid" | "cancelled";
    /** 0 for a card registration. */
    paid_amount: number;
    name: string;
    currency: "KRW";
    pay_method: "card";
    pg_provider: string;
    pg_type: "payment";
    pg_tid: string;
    apply_num: string;
    card_name: string | null;
    card_number: string | null;
    /** Months; 0 is a lump sum. */
    card_quota: number;
    bank_name: null;
    buyer_name: string;
    buyer_email: string;
    buyer_tel: string;
    buyer_addr: string;
    buyer_postcode: string;
    custom_data: unknown;
    /** Epoch seconds. */
    paid_at: number;
    receipt_url: string | null;
    error_code?: undefined;
    error_msg?: undefined;
  }

  interface Failure {
    success: false;
    /** `null` if the request was refused before a payment existed. */
    imp_uid: string | null;
    merchant_uid: string | null;
    error_code: string;
    error_msg: string;
    pg_error_code?: string | null;
    pg_error_msg?: string | null;
    /** `ready` while the outcome is not known (`F0006`); absent if no payment exists. */
    status?: "failed" | "ready";
    pay_method?: "card";
    name?: string;
    currency?: "KRW";
    pg_provider?: string;
    pg_type?: "payment";
    custom_data?: unknown;
  }

  /** For display only: the merchant's server reads the payment from the REST API. */
  type Response = Success | Failure;

  interface Sdk {
    /** `"dasi"` */
    readonly provider: string;
    readonly version: string;
    /** Name the merchant of the page. Call it before `request_pay`. */
    init(code: string): void;
    agency(code: string, tier?: string): void;
    /** Open the window. Call it in a click. `false` if the merchant or the parameters are missing. */
    request_pay(param: RequestPayParams, callback?: (rsp: Response) => void): false | undefined;
    /** End the payment under way, as the button of the layer does. */
    close(): void;
    /** Not offered: the callback gets `F501`. */
    certification(...args: unknown[]): false;
    loadUI(...args: unknown[]): false;
    updateLoadUIRequest(...args: unknown[]): false;
    naver_zzim(...args: unknown[]): false;
    payport(...args: unknown[]): false;
    communicate(...args: unknown[]): false;
    /** Not offered: a rejected promise. */
    loadModule(...args: unknown[]): Promise<never>;
  }
}

interface Window {
  IMP: Iamport.Sdk;
}

declare const IMP: Iamport.Sdk;
