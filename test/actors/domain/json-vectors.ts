/**
 * Texts that other producers write, and what they say.
 *
 * Those of Python were made once by CPython 3.11.7: `json.dumps(value, sort_keys=True, separators=(",", ":"))`, of the value
 * that stands beside each, and with `ensure_ascii=False`. The random ones are of such values too, with keys and strings of
 * characters from everywhere, odd ones with `ensure_ascii=False`. Those of Go follow its documentation: `json.Marshal`
 * escapes `<`, `>`, `&`, U+2028 and U+2029, and sorts the keys of maps by their bytes. Those of RFC 8785 are its examples.
 */
import type { JsonValue } from "#actors/domain/json-value.ts";

export interface Written {
  readonly what: string;
  readonly text: string;
  readonly value: JsonValue;
}

const numbers = [
  ...[1, 0.1, 1e21, 1e22, 1e16, 1e-7, 333333333.3333333, 5e-324, Number.MAX_VALUE, -0, 0, -1],
  ...[Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 1e20],
];
const escapes = "\"\\/\b\f\n\r\t\0\u001f\u007f\u0080<>&'\u2028\u2029";
const scripts = {
  "Gr\u00f6\u00dfe": "gr\u00f6\u00dfer",
  "\u50f9\u683c": "\u20ac",
  "\u{1f600}": "\u{1f9c5}",
  "\ufb33": "\u05d3\u05bc",
  z: true,
  Z: false,
  "": null,
};
const nested = { b: [{ d: 1, c: [[], {}] }, []], a: { y: { x: [null, [true]] } } };
const names = { ["__proto__"]: { a: 1 }, constructor: "c", toString: 1, "10": 10, "9": 9, "-1": -1 };

export const PYTHON: readonly Written[] = [
  {
    what: "numbers",
    text: "[1.0,0.1,1e+21,1e+22,1e+16,1e-07,333333333.3333333,5e-324,1.7976931348623157e+308,-0.0,0,-1,9007199254740991,-9007199254740991,1e+20]",
    value: numbers,
  },
  {
    what: "escapes in ASCII",
    text: '"\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\\u007f\\u0080<>&\'\\u2028\\u2029"',
    value: escapes,
  },
  {
    what: "escapes as they are",
    text: '"\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\u007f\u0080<>&\'\u2028\u2029"',
    value: escapes,
  },
  {
    what: "scripts in ASCII",
    text: '{"":null,"Gr\\u00f6\\u00dfe":"gr\\u00f6\\u00dfer","Z":false,"z":true,"\\u50f9\\u683c":"\\u20ac","\\ufb33":"\\u05d3\\u05bc","\\ud83d\\ude00":"\\ud83e\\uddc5"}',
    value: scripts,
  },
  {
    what: "scripts as they are",
    text: '{"":null,"Gr\u00f6\u00dfe":"gr\u00f6\u00dfer","Z":false,"z":true,"\u50f9\u683c":"\u20ac","\ufb33":"\u05d3\u05bc","\ud83d\ude00":"\ud83e\uddc5"}',
    value: scripts,
  },
  {
    what: "nested",
    text: '{"a":{"y":{"x":[null,[true]]}},"b":[{"c":[[],{}],"d":1},[]]}',
    value: nested,
  },
  {
    what: "names of the language",
    text: '{"-1":-1,"10":10,"9":9,"__proto__":{"a":1},"constructor":"c","toString":1}',
    value: names,
  },
];

/** UTF-8 in base64. */
export const PYTHON_RANDOM: readonly string[] = [
  "eyJcdWYxNjMiOiJcdTAyNzkiLCJcdWY4ZmJcdTA2ZmMiOiJcdTA3OTY6IiwiXHVkYTIzXHVkZDRmIjotOS44MjI1NzEwNzkwMzA5NjZlLTMwMX0=",
  "eyIiOnsiIjp0cnVlLCJ48Zu9itGvIjpbMjI1MjQ5NzgwNDcxMjMyMyx7IiI6ZmFsc2V9LFsi8aOpm++VuiJdXSwi3JhNIjoiIn19",
  "eyJcdWY0MzRcdWQ5YjhcdWRmM2FcdWZlNGEiOnsiIjotMzMxNjMwOTY2NjAzMTEzMiwiXHVmM2EyIjoiXHVkYjVhXHVkZDU3XHVlMWVlIiwiXHVmZTQ3IjoxLjc2Njc4MjkwMzQwNjUwNzdlLTI5MX19",
  "eyI5IjotOS44ODA5NzkwNDE5MjUxNzNlLTEyNSwiy5twIjotNjM0NjUyMDUwNTQ2NTE3NSwi9IGYmc6uIjpudWxsfQ==",
  "eyIiOjc2NzQyMDk1NDc3ODAxNTYsIlx1MDM0N1x1MDFjZmwiOiJcdWRiNTJcdWRlODIiLCJcdTA2OTRcXCI6eyIiOi00MTQ3ODEwMjA0MTg0NDI1LCJcdTAxMDciOi0zLjYwMDQ0ODM3MTQ5NzcwMTdlLTY4LCJcdTA2MGUsJSI6Ilx1ZDgxYlx1ZGQ4Nlx1ZmEwOSIsIlx1ZGJlYVx1ZGZjOFx1MDQ3NSI6LTIuNjkwNDczOTMzNTU0NTY3ZSsyMjF9fQ==",
  "eyJx76un8ZKvnSI6eyJcdTAwMDPwl6W277qMIjoiXHUwMDEwx47yg5WDIiwi7qay2oYiOi01LjY0NDM3NTE3NTYwNTIyNTNlKzI1MCwi7re/IjoiRSIsIvGXk7fui5/zo6iaIjoi74SmQCJ9LCLvi6MiOnsiIjp7fX19",
  "eyIiOlstNjc4Njk1Mjk5NzQ3NzEzNSxmYWxzZV0sIlx1ZTFjNFx1MDAxMCI6dHJ1ZSwiXHVlZjRkXHUwMDAxXHUwMTM5IjpbNy4zMzQwMTU1OTI4MzA4NjJlLTI0Nl0sIlx1ZDg2Zlx1ZGNjYiI6NS4xODQ4MTQ1MTUxOTYwMWUrMjN9",
  "eyJp87CJnyI6NC43NDczMzcxNjY1NjI2MDhlLTc2LCLRiSI6LTMuNTgyMzM3MTUxMjM4NzVlKzI3MCwi7qO/Wcu3Ijoi8Yeyse6Pud2IIn0=",
  "eyJcdTAwMTMiOjI3MDY1MDk0NTc3OTQ3MzIsIlwiIjoiIiwibiI6IlEiLCJcdWQ4ZjNcdWRmYjVcdTA0YTEiOltdfQ==",
  "Wy0yMjI4MTUyNTE4ODM0Mjk1LCJcdTAwMTUiLHsiIjp7fSwixZ/usYoiOltdLCLFuPO4sZAiOnsiIjp7fX0sIvOcvYDuvrsiOm51bGx9XQ==",
  "eyJmXHVlMzAzIjoxMTY4MTQ5MDkxNTY4MDk4LCJcdWZhNWJcdWQ5NDlcdWRkZWNcdWUxODEiOiJcdTAwMDIiLCJcdWRhMjBcdWRlM2VcdTAwMTgiOmZhbHNlfQ==",
  "eyJcdTAwMGYiOiJkOiIsIu6VsNCHIjp7IiI6Ni42Nzk1MjMzODI2MjllKzE1MSwixL5f76yHIjo2LjUxOTIzNjQ5MzEzNTQzODVlLTEzOX19",
];

export const GO: readonly Written[] = [
  {
    what: "what HTML could misread",
    text: String.raw`{"a\u003cb":"\u003cscript\u003e \u0026 \u2028\u2029","a\u003eb":"/"}`,
    value: { "a<b": "<script> & \u2028\u2029", "a>b": "/" },
  },
  {
    what: "floats",
    text: "[1e+21,1e-7,1,-0,0.000001,100000]",
    value: [1e21, 1e-7, 1, -0, 0.000001, 100000],
  },
  {
    what: "controls, and keys by their bytes",
    text: '{"":"\\u0001\\b\\f\\n\\r\\t\u007f","\ufb33":1,"\ufffd":2,"\u{1f600}":3}',
    value: { "": "\u0001\b\f\n\r\t\u007f", "\ufb33": 1, "\ufffd": 2, "\u{1f600}": 3 },
  },
];

/** §3.2.2 and §3.2.3 of RFC 8785: a value, and its text. */
export const RFC_8785: readonly Written[] = [
  {
    what: "the sample",
    text: String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    value: {
      // biome-ignore lint/correctness/noPrecisionLoss: the digits are those of the example.
      numbers: [333333333.33333329, 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
      literals: [null, true, false],
    },
  },
  {
    what: "the order of keys",
    text: '{"\\r":"Carriage Return","1":"One","\u0080":"Control","\u00f6":"Latin","\u20ac":"Euro","\u{1f600}":"Emoji","\ufb33":"Hebrew"}',
    value: {
      "\u20ac": "Euro",
      "\r": "Carriage Return",
      "\ufb33": "Hebrew",
      "1": "One",
      "\u{1f600}": "Emoji",
      "\u0080": "Control",
      "\u00f6": "Latin",
    },
  },
];

/** Appendix B of RFC 8785: the bits of a double, and its text. */
export const RFC_8785_NUMBERS: readonly (readonly [bits: string, text: string])[] = [
  ["0000000000000000", "0"],
  ["8000000000000000", "0"],
  ["0000000000000001", "5e-324"],
  ["8000000000000001", "-5e-324"],
  ["7fefffffffffffff", "1.7976931348623157e+308"],
  ["ffefffffffffffff", "-1.7976931348623157e+308"],
  ["4340000000000000", "9007199254740992"],
  ["c340000000000000", "-9007199254740992"],
  ["4430000000000000", "295147905179352830000"],
  ["44b52d02c7e14af5", "9.999999999999997e+22"],
  ["44b52d02c7e14af6", "1e+23"],
  ["44b52d02c7e14af7", "1.0000000000000001e+23"],
  ["444b1ae4d6e2ef4e", "999999999999999700000"],
  ["444b1ae4d6e2ef4f", "999999999999999900000"],
  ["444b1ae4d6e2ef50", "1e+21"],
  ["3eb0c6f7a0b5ed8c", "9.999999999999997e-7"],
  ["3eb0c6f7a0b5ed8d", "0.000001"],
  ["41b3de4355555553", "333333333.3333332"],
  ["41b3de4355555554", "333333333.33333325"],
  ["41b3de4355555555", "333333333.3333333"],
  ["41b3de4355555556", "333333333.3333334"],
  ["41b3de4355555557", "333333333.33333343"],
  ["becbf647612f3696", "-0.0000033333333333333333"],
  ["43143ff3c1cb0959", "1424953923781206.2"],
];
