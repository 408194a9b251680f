/** What is wrong with how the emulator was asked, as one clear sentence. EMU_TOPOLOGY, EMU_PORT, EMU_FAULT, EMU_SITE. */
export class EmulatorError extends Error {
  readonly code: 'EMU_TOPOLOGY' | 'EMU_PORT' | 'EMU_FAULT' | 'EMU_SITE' | 'EMU_BAD_REQUEST';

  constructor(code: EmulatorError['code'], message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.name = 'EmulatorError';
    this.code = code;
  }
}

/** An error answer of an emulated service; the service's own format makes a body of it. */
export class ApiError extends Error {
  readonly status: number;
  /** Neutron's exception class, Placement's error code. */
  readonly type: string | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, extra: { readonly type?: string; readonly headers?: Readonly<Record<string, string>> } = {}) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.type = extra.type;
    this.headers = extra.headers ?? {};
  }
}

export const badRequest = (message: string, type?: string): ApiError => new ApiError(400, message, type === undefined ? {} : { type });
export const forbidden = (message: string, type?: string): ApiError => new ApiError(403, message, type === undefined ? {} : { type });
export const notFound = (message: string, type?: string): ApiError => new ApiError(404, message, type === undefined ? {} : { type });
export const conflict = (message: string, type?: string): ApiError => new ApiError(409, message, type === undefined ? {} : { type });
