import { isOpenStackError } from '@godwit/openstack';

/** The thing asked for is not there, which is often just what is wanted. */
export const isNotFound = (error: unknown): boolean => isOpenStackError(error, 'OS_NOT_FOUND');
