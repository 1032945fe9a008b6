"""The papers of the plan: figures that reconcile, tables, files, and who made which when.

gathering   what one unit has in one period, out of the database
agreement   rows that disagree; a paper with such rows is not made
half_month, weekly, monthly, evaluation   figures as tables. Pure
write_xlsx, write_docx, write_pdf, pack   tables as files
making, issued, routes, pages   a paper made on request, kept by its digest and listed
"""
