// As much of Node as the tests use.
declare module "node:test" {
    export function test(name: string, body: () => void | Promise<void>): void;
}
declare module "node:assert/strict" {
    const assert: {
        equal(actual: unknown, expected: unknown, message?: string): void;
        notEqual(actual: unknown, expected: unknown, message?: string): void;
        deepEqual(actual: unknown, expected: unknown, message?: string): void;
        ok(value: unknown, message?: string): void;
        throws(run: () => unknown, is: (error: unknown) => boolean, message?: string): void;
        notDeepEqual(actual: unknown, expected: unknown, message?: string): void;
    };
    export default assert;
}
