import { isProductError, type ProductError } from '#shared/model/errors.ts';

/** An error that carries its code as its name, which is what a state machine's Retry and Catch tell errors apart by. */
class NamedError extends Error {
  override readonly name: string;

  constructor(error: ProductError) {
    super(error.message, { cause: error });
    this.name = error.code;
  }
}

/** @throws an error named by its code (`Throttled`, `Conflict`, `Unavailable`) in place of each ProductError */
export async function throwNamed<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isProductError(error) ? new NamedError(error) : error;
  }
}
